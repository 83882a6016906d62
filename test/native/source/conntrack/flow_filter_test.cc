#include "source/conntrack/flow_filter.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <random>
#include <system_error>

#include "message_builder.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// Runs a filter's program in the kernel: on datagrams of a socket pair, whose bytes it sees as it sees those of a netlink socket.
class Kernel {
 public:
  explicit Kernel(std::vector<sock_filter> program) {
    std::array<int, 2> fds{};
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) != 0) throw std::system_error(errno, std::generic_category());
    in_ = UniqueFd(fds[0]);
    out_ = UniqueFd(fds[1]);
    if (program.empty()) return;
    const sock_fprog code{static_cast<unsigned short>(program.size()), program.data()};
    if (setsockopt(out_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code) != 0) throw std::system_error(errno, std::generic_category());
  }

  bool passes(const testing::Message& message) const {
    if (send(in_.get(), message.data(), message.size(), 0) < 0) return false;
    std::array<std::byte, 2048> got;
    const ssize_t n = recv(out_.get(), got.data(), got.size(), 0);
    return n == static_cast<ssize_t>(message.size());
  }

 private:
  UniqueFd in_;
  UniqueFd out_;
};

Flow random_flow(std::mt19937& random) {
  static constexpr std::uint8_t kProtocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_GRE, IPPROTO_ICMP};
  Flow f = testing::sample_flow(kProtocols[random() % 5]);
  f.kind = random() % 2 == 0 ? Flow::Kind::created : Flow::Kind::destroyed;
  if (random() % 2 == 0) {
    f.family = 6;
    if (f.protocol == IPPROTO_ICMP) f.protocol = IPPROTO_ICMPV6;
    f.original.source = testing::v6(static_cast<std::uint8_t>(random()));
    f.original.destination = testing::v6(static_cast<std::uint8_t>(random()));
    f.original.source[5] = static_cast<std::uint8_t>(random() % 3);
  } else {
    f.original.source = testing::v4(static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(9 + random() % 3));
    f.original.destination = testing::v4(static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(9 + random() % 3));
  }
  return f;
}

TEST(FlowFilter, DecidesInTheKernelAsItDoesHere) {
  struct Case {
    const char* protocols;
    const char* addresses;
  };
  const Case cases[] = {{"tcp", ""},          {"udp,icmp,47", ""},         {"", "10.0.0.0/8"},          {"", "10.0.0.128/25,11.0.0.7"}, {"", "2001:db8::/64"},  {"", "2001:db8:1:100::/72,2001:db8::80/121"},
                        {"", "0.0.0.0/0"},    {"", "::/0"},                {"tcp,udp", "10.0.0.0/9"},   {"icmpv6", "2001:db8::0/120"},  {"", "9.0.0.0/8,::/1"}, {"sctp,gre,tcp", "11.0.0.64/26,2001:db8::7"}};
  std::mt19937 random(3);
  for (const Case& c : cases) {
    ConntrackOptions options;
    if (*c.protocols != '\0') options.protocols = parse_conntrack_protocols(c.protocols);
    if (*c.addresses != '\0') options.addresses = parse_address_blocks(c.addresses);
    const FlowFilter filter(options);
    const Kernel kernel(filter.program());
    int taken = 0;
    for (int i = 0; i < 2000; ++i) {
      const Flow f = random_flow(random);
      const bool wanted = filter.takes(f);
      taken += wanted ? 1 : 0;
      ASSERT_EQ(kernel.passes(testing::message_of(f)), wanted) << c.protocols << " " << c.addresses << ", flow " << i;
    }
    EXPECT_GT(taken, 0) << c.protocols << " " << c.addresses;
  }
}

TEST(FlowFilter, WithoutWishesTakesAll) {
  const FlowFilter filter{ConntrackOptions{}};
  EXPECT_TRUE(filter.all());
  EXPECT_TRUE(filter.program().empty());
  std::mt19937 random(5);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(filter.takes(random_flow(random)));
}

TEST(FlowFilter, LetsPassWhatItDoesNotUnderstand) {
  ConntrackOptions options;
  options.protocols = {IPPROTO_TCP};
  options.addresses = parse_address_blocks("10.0.0.0/8");
  const Kernel kernel(FlowFilter(options).program());
  EXPECT_TRUE(kernel.passes(testing::MessageBuilder(IPCTNL_MSG_CT_NEW, 0, AF_INET).take()));
  testing::MessageBuilder empty(IPCTNL_MSG_CT_NEW, 0, AF_INET);
  empty.nest(CTA_TUPLE_ORIG, [](testing::MessageBuilder&) {});
  EXPECT_TRUE(kernel.passes(empty.take()));
}

TEST(FlowFilter, TakesAsManyBlocksAsMayBeGiven) {
  std::string list;
  for (int i = 0; i < 64; ++i) list += (i == 0 ? "" : ",") + std::string("2001:db8:0:") + std::to_string(1 + i) + "::/64";
  ConntrackOptions options;
  options.addresses = parse_address_blocks(list);
  const Kernel kernel(FlowFilter(options).program());
  Flow f = testing::sample_flow();
  f.family = 6;
  f.original.source = f.original.destination = testing::v6(1);
  EXPECT_FALSE(kernel.passes(testing::message_of(f)));
  f.original.source[7] = 0x64;  // 2001:db8:0:64::1
  EXPECT_TRUE(kernel.passes(testing::message_of(f)));
  EXPECT_THROW(parse_address_blocks(list + ",2001:db8::/64"), std::invalid_argument);
}

}  // namespace
}  // namespace vslog
