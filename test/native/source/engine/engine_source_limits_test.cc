// Too few descriptors, a journal that takes nothing, the end.
#include <sys/resource.h>

#include <algorithm>

#include "fixture.h"

namespace vslog {
namespace {

/// How long the source waits until it accepts again.
constexpr engine::Time kAcceptPause = 100 * engine::kMillisecond;

bool is_connected(const Peer& peer) {
  pollfd p{peer.fd.get(), POLLOUT, 0};
  return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) == 0;
}

/// The soft limit of descriptors, put back at the end.
class SoftLimit {
 public:
  explicit SoftLimit(rlim_t soft) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit less{soft, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &less);
  }
  SoftLimit(const SoftLimit&) = delete;
  SoftLimit& operator=(const SoftLimit&) = delete;
  ~SoftLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(EngineSourceTest, HasAsManyServicesAsDescriptorsMayBe) {
  const SoftLimit few(descriptors + 4);
  std::vector<ServiceSetup> services;
  for (std::uint8_t i = 0; i < 50; ++i) {
    services.push_back(service_setup(engine::kTcp, 22080, {}));
    services.back().service.key.at.address[15] = static_cast<std::uint8_t>(100 + i);  // 127.0.0.100 and on
  }
  start(services);
  EXPECT_EQ(source->engine().services().size(), 50U);
  expect_descriptors_back();
}

struct EngineSourceLimits : EngineSourceTest {
  std::uint16_t port = free_port(SOCK_STREAM);
  TcpServer server;
  std::list<Peer> clients;

  void SetUp() override {
    start({service_setup(engine::kTcp, port, {server.port})});
    others.push_back([this] { server.step(); });
  }
  void connect_some(int n) {
    for (int i = 0; i < n; ++i) {
      clients.push_back(client_of(port));
      clients.back().to_send = "x";
    }
    others.push_back([this] {
      for (Peer& peer : clients) peer.step();
    });
  }
  bool all_answered() const {
    return std::all_of(clients.begin(), clients.end(), [](const Peer& p) { return p.got == "x"; });
  }
};

// UBSan's vptr check needs a pipe of its own, so it is out for this target and the source (CMakeLists.txt).
TEST_F(EngineSourceLimits, WaitsWhenThereAreNoDescriptors) {
  connect_some(5);
  testing::internal::CaptureStderr();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  // It tries again each 100 ms of the engine's clock.
  const engine::Time until = source->engine().now() + 3 * kAcceptPause;
  EXPECT_TRUE(test::eventually([&] {
    while (source->drain(log, 1024) == 1024) {}
    return source->engine().now() > until;
  }));
  setrlimit(RLIMIT_NOFILE, &before);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_NE(said.find("raise the limit of open files"), std::string::npos);
  EXPECT_TRUE(log.of(EventKind::create).empty());
  EXPECT_TRUE(eventually([&] { return all_answered(); }));
}

// The daemon does not call drain() while the journal has no room.
TEST_F(EngineSourceLimits, ReadsNoSocketsWhileItsRecordsWait) {
  connect_some(200);
  ASSERT_TRUE(test::eventually([this] { return std::all_of(clients.begin(), clients.end(), [](const Peer& p) { return is_connected(p); }); }));
  EXPECT_EQ(source->figures().connections, 0u);
  std::size_t taken = 0;
  for (int i = 0; i < 20; ++i) taken += source->drain(log, 1);
  EXPECT_LE(taken, 20u);
  // One turn accepts 64 at most; as long as records wait there is no other.
  EXPECT_LE(source->figures().connections, 64u);
  EXPECT_TRUE(eventually([&] { return all_answered(); }));
}

TEST_F(EngineSourceLimits, EndsEveryConnectionAtTheEnd) {
  connect_some(3);
  ASSERT_TRUE(eventually([&] { return all_answered(); }));
  source->finish();
  ASSERT_TRUE(eventually([&] { return std::all_of(clients.begin(), clients.end(), [](const Peer& p) { return p.was_reset; }); }));
  ASSERT_EQ(log.of(EventKind::expire).size(), 3u);
  for (const ConnRecord& r : log.of(EventKind::expire)) EXPECT_EQ(r.reason, EndReason::capture_stopped);
  EXPECT_EQ(source->figures().connections, 0u);
  const Peer late = client_of(port);
  int error = 0;
  ASSERT_TRUE(test::eventually([&] {
    socklen_t length = sizeof error;
    getsockopt(late.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    return error != 0;
  }));
  EXPECT_EQ(error, ECONNREFUSED);
}

}  // namespace
}  // namespace vslog
