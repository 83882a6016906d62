// What cannot be set up is a sentence, and leaves nothing behind.
#include "fixture.h"
#include "wire/journal.h"

namespace vslog {
namespace {

using EngineSourceSetup = EngineSourceTest;

std::string refusal(const std::vector<ServiceSetup>& services) {
  EngineSourceOptions options;
  options.services = services;
  try {
    make_engine_source(options);
  } catch (const InUse& e) {
    return std::string("in use: ") + e.what();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

TEST_F(EngineSourceSetup, SaysThatAPortIsInUse) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const UniqueFd other = bound(type);
    const std::uint16_t port = local_of(other.get()).port;
    const bool tcp = type == SOCK_STREAM;
    EXPECT_EQ(refusal({service_setup(tcp ? engine::kTcp : engine::kUdp, port, {})}), "in use: service " + std::string(tcp ? "tcp" : "udp") + " " + engine::to_text(loopback(port)) +
                                                                                          ": another process has this address; end that one, or choose another port.");
  }
  expect_descriptors_back();
}

TEST_F(EngineSourceSetup, SaysThatAnAddressIsForeign) {
  ServiceSetup setup = service_setup(engine::kTcp, 8080, {});
  const std::uint8_t documentation[4] = {192, 0, 2, 1};
  setup.service.key.at.address = map_ipv4(documentation);
  EXPECT_EQ(refusal({setup}), "service tcp 192.0.2.1:8080: this machine does not have this address.");
  expect_descriptors_back();
}

TEST_F(EngineSourceSetup, SaysThatSocketsCarryNoSctp) {
  EXPECT_NE(refusal({service_setup(engine::kSctp, 9, {})}).find("carries tcp and udp"), std::string::npos);
  EXPECT_NE(refusal({}).find("--service"), std::string::npos);
}

TEST_F(EngineSourceSetup, HoldsNothingWhenTheSecondServiceCannotBe) {
  const std::uint16_t first = free_port(SOCK_STREAM);
  {
    const UniqueFd other = bound(SOCK_STREAM);
    EXPECT_NE(refusal({service_setup(engine::kTcp, first, {}), service_setup(engine::kTcp, local_of(other.get()).port, {})}).find("another process has this address"), std::string::npos);
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  // Nobody listens at the first any more.
  start({service_setup(engine::kTcp, first, {})});
  expect_descriptors_back();
}

}  // namespace
}  // namespace vslog
