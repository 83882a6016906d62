// UDP through the balancer.
#include "fixture.h"

namespace vslog {
namespace {

using EngineSourceUdp = EngineSourceTest;

/// Everything that waits at a socket, the last sender in `from`.
std::vector<std::string> received(int fd, SocketAddress* from = nullptr) {
  std::vector<std::string> all;
  SocketAddress sender;
  char buffer[65536];
  for (;;) {
    sender.length = sizeof sender.storage;
    const ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, sender.get(), &sender.length);
    if (n < 0) return all;
    all.emplace_back(buffer, static_cast<std::size_t>(n));
    if (from != nullptr) *from = sender;
  }
}

TEST_F(EngineSourceUdp, CarriesDatagramsBothWays) {
  {
    const UniqueFd server = bound(SOCK_DGRAM);
    const std::uint16_t port = free_port(SOCK_DGRAM);
    start({service_setup(engine::kUdp, port, {local_of(server.get()).port})});
    SocketAddress from;
    others.push_back([&] {
      for (const std::string& text : received(server.get(), &from)) sendto(server.get(), text.data(), text.size(), 0, from.get(), from.length);
    });
    const UniqueFd client = connect_to(loopback(port), SOCK_DGRAM);
    std::vector<std::string> answers;
    for (const std::string& text : {std::string("one"), std::string("two"), std::string(20'000, 'x')}) {
      ASSERT_EQ(send(client.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
      ASSERT_TRUE(eventually([&] {
        for (std::string& answer : received(client.get())) answers.push_back(std::move(answer));
        return !answers.empty() && answers.back() == text;
      }));
    }
    ASSERT_EQ(log.of(EventKind::create).size(), 1u);
    EXPECT_EQ(log.of(EventKind::create)[0].client_port, local_of(client.get()).port);
    engine::ConnFilter all;
    EXPECT_EQ(source->expire(all).ended, 1u);
    step();
    ASSERT_EQ(log.of(EventKind::expire).size(), 1u);
    const ConnRecord end = log.of(EventKind::expire)[0];
    EXPECT_EQ(end.packets_in, 3u);
    EXPECT_EQ(end.bytes_in, 3 * 28 + 20'006u);
    EXPECT_EQ(end.bytes_out, end.bytes_in);
    EXPECT_EQ(end.reason, EndReason::flushed);
  }
  expect_descriptors_back();
}

TEST_F(EngineSourceUdp, DropsWhatIsForADeletedServer) {
  const UniqueFd server = bound(SOCK_DGRAM);
  const std::uint16_t port = free_port(SOCK_DGRAM);
  const ServiceSetup setup = service_setup(engine::kUdp, port, {local_of(server.get()).port});
  start({setup});
  const UniqueFd client = connect_to(loopback(port), SOCK_DGRAM);
  send(client.get(), "before", 6, 0);
  std::vector<std::string> arrived;
  ASSERT_TRUE(eventually([&] { return !(arrived = received(server.get())).empty(); }));
  source->engine().remove_real(setup.service.key, setup.reals[0].at, {});
  send(client.get(), "after", 5, 0);
  ASSERT_TRUE(eventually([&] { return !log.of(EventKind::nodest_drop).empty(); }));
  EXPECT_TRUE(received(server.get()).empty());
}

}  // namespace
}  // namespace vslog
