// TCP through the balancer: what goes through, what does not, and what the log says of it.
#include <algorithm>

#include "engine/state.h"
#include "fixture.h"

namespace vslog {
namespace {

struct EngineSourceTcp : EngineSourceTest {
  std::uint16_t port = free_port(SOCK_STREAM);

  ServiceSetup balance(TcpServer& server, std::vector<KnobSetup> knobs = {}) {
    const ServiceSetup setup = service_setup(engine::kTcp, port, {server.port});
    start({setup}, std::move(knobs));
    others.push_back([&server] { server.step(); });
    return setup;
  }
  void join(Peer& peer) {
    others.push_back([&peer] { peer.step(); });
  }
  void TearDown() override {
    others.clear();
    EngineSourceTest::TearDown();
  }
  std::vector<ConnRecord> live() {
    std::vector<ConnRecord> found;
    source->visit({}, [&](const ConnRecord& r) { found.push_back(r); });
    return found;
  }
};

TEST_F(EngineSourceTcp, CarriesBothWaysAndAHalfCloseToo) {
  {
    TcpServer server;
    server.echo = false;
    balance(server);
    Peer client = client_of(port);
    join(client);
    client.to_send = "what is your name?";
    ASSERT_TRUE(eventually([&] { return server.peers.size() == 1 && server.peers.front().got == "what is your name?"; }));
    client.finish();
    ASSERT_TRUE(eventually([&] { return server.peers.front().ended; }));
    EXPECT_FALSE(client.ended);
    server.peers.front().to_send = "one that answers late";
    ASSERT_TRUE(eventually([&] { return client.got == "one that answers late"; }));
    EXPECT_FALSE(client.ended);
    server.peers.front().finish();
    ASSERT_TRUE(eventually([&] { return client.ended; }));
    const std::vector<ConnRecord> created = log.of(EventKind::create);
    ASSERT_EQ(created.size(), 1u);
    EXPECT_EQ(created[0].client_port, client.port());
    EXPECT_EQ(created[0].real_port, server.port);
    ASSERT_TRUE(eventually([&] { return live().size() == 1 && live()[0].state == static_cast<std::uint32_t>(engine::TcpState::time_wait); }));
    EXPECT_GE(live()[0].bytes_in, 18u);
    EXPECT_GE(live()[0].bytes_out, 21u);
    client.fd.reset();
    server.peers.clear();
    others.clear();
  }
  expect_descriptors_back();
}

TEST_F(EngineSourceTcp, CarriesMuchWhileNobodyReads) {
  TcpServer server;
  balance(server);
  Peer client = client_of(port);
  join(client);
  std::string much(8 << 20, ' ');
  for (std::size_t i = 0; i < much.size(); ++i) much[i] = static_cast<char>('a' + i % 23);
  client.to_send = much;
  client.reading = false;
  turns(20);
  client.reading = true;
  ASSERT_TRUE(eventually([&] { return client.got.size() == much.size(); }));
  EXPECT_TRUE(client.got == much);
}

TEST_F(EngineSourceTcp, ResetsTheClientOfAServerThatRefuses) {
  start({service_setup(engine::kTcp, port, {free_port(SOCK_STREAM)})});
  Peer client = client_of(port);
  join(client);
  ASSERT_TRUE(eventually([&] { return client.was_reset; }));
  ASSERT_EQ(log.of(EventKind::create).size(), 1u);
  ASSERT_EQ(live().size(), 1u);
  EXPECT_EQ(live()[0].state, static_cast<std::uint32_t>(engine::TcpState::close));
  // CLOSE lasts 10 s, on the engine's clock.
  source->engine().advance(source->engine().now() + 11 * engine::kSecond);
  ASSERT_TRUE(eventually([&] { return log.of(EventKind::expire).size() == 1; }));
  EXPECT_EQ(log.of(EventKind::expire)[0].reason, EndReason::timeout);
  EXPECT_EQ(log.of(EventKind::expire)[0].conn_id, log.of(EventKind::create)[0].conn_id);
}

TEST_F(EngineSourceTcp, ForwardsNothingToADeletedServerAndSaysNothing) {
  {
    TcpServer server;
    server.echo = false;
    const ServiceSetup setup = balance(server);
    Peer client = client_of(port);
    join(client);
    client.to_send = "before;";
    ASSERT_TRUE(eventually([&] { return server.peers.size() == 1 && server.peers.front().got == "before;"; }));
    source->engine().remove_real(setup.service.key, setup.reals[0].at, {});
    client.to_send = "after;";
    ASSERT_TRUE(eventually([&] { return !log.of(EventKind::nodest_drop).empty(); }));
    EXPECT_EQ(log.of(EventKind::nodest_drop)[0].conn_id, log.of(EventKind::create)[0].conn_id);
    // Its FIN does not get through either.
    client.finish();
    turns(20);
    EXPECT_EQ(server.peers.front().got, "before;");
    EXPECT_FALSE(server.peers.front().ended);
    EXPECT_FALSE(server.peers.front().was_reset);
    EXPECT_FALSE(client.was_reset);
    EXPECT_FALSE(client.ended);
    // What the deleted server says is passed on.
    server.peers.front().to_send = "still here";
    ASSERT_TRUE(eventually([&] { return client.got == "still here"; }));
    EXPECT_EQ(live().size(), 1u);
    others.clear();
  }
  expect_descriptors_back();
}

TEST_F(EngineSourceTcp, ResetsTheClientsOfADeletedServerWhenTold) {
  TcpServer server;
  const ServiceSetup setup = balance(server, {{"expire_nodest_conn", "1"}});
  Peer client = client_of(port);
  join(client);
  client.to_send = "x";
  ASSERT_TRUE(eventually([&] { return client.got == "x"; }));
  source->engine().remove_real(setup.service.key, setup.reals[0].at, {});
  ASSERT_TRUE(eventually([&] { return client.was_reset; }));
  ASSERT_TRUE(eventually([&] { return log.of(EventKind::expire).size() == 1; }));
  EXPECT_EQ(log.of(EventKind::expire)[0].reason, EndReason::nodest);
}

TEST_F(EngineSourceTcp, ExpiresExactlyTheConnectionsThatAreMeant) {
  TcpServer one;
  TcpServer two;
  start({service_setup(engine::kTcp, port, {one.port, two.port})});
  others.push_back([&] { one.step(), two.step(); });
  std::list<Peer> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(client_of(port));
    clients.back().to_send = "x";
    join(clients.back());
  }
  ASSERT_TRUE(eventually([&] { return std::all_of(clients.begin(), clients.end(), [](const Peer& p) { return p.got == "x"; }); }));
  std::vector<std::uint16_t> meant;
  for (const ConnRecord& r : log.of(EventKind::create)) {
    if (r.real_port == one.port) meant.push_back(r.client_port);
  }
  ASSERT_EQ(meant.size(), 5u);
  engine::ConnFilter filter;
  filter.real = engine::Place{loopback(0).address, 128, one.port};
  const engine::ExpireResult result = source->expire(filter);
  EXPECT_EQ(result.matched, 5u);
  EXPECT_EQ(result.ended, 5u);
  for (Peer& client : clients) client.to_send = "y";
  ASSERT_TRUE(eventually([&] {
    return std::all_of(clients.begin(), clients.end(), [&](const Peer& p) { return p.was_reset || p.got == "xy"; });
  }));
  for (const Peer& client : clients) EXPECT_EQ(client.was_reset, std::count(meant.begin(), meant.end(), client.port()) == 1);
  EXPECT_TRUE(eventually([&] { return log.of(EventKind::expire).size() == 5; }));
  for (const ConnRecord& r : log.of(EventKind::expire)) EXPECT_EQ(r.reason, EndReason::flushed);
}

TEST_F(EngineSourceTcp, TellsOfAClientThatIsReset) {
  TcpServer server;
  balance(server);
  Peer client = client_of(port);
  others.push_back([&] { client.step(); });
  client.to_send = "x";
  ASSERT_TRUE(eventually([&] { return client.got == "x"; }));
  others.pop_back();
  reset(client.fd);
  ASSERT_TRUE(eventually([&] { return server.peers.front().was_reset; }));
  EXPECT_EQ(live().at(0).state, static_cast<std::uint32_t>(engine::TcpState::close));
}

TEST_F(EngineSourceTcp, CarriesThreeHundredAtOnce) {
  {
    TcpServer server;
    balance(server);
    std::list<Peer> clients;
    for (int i = 0; i < 300; ++i) {
      clients.push_back(client_of(port));
      clients.back().to_send = "I am number " + std::to_string(i);
      join(clients.back());
    }
    const auto number = [&](const Peer& p) { return "I am number " + std::to_string(std::distance(clients.begin(), std::find_if(clients.begin(), clients.end(), [&](const Peer& o) { return &o == &p; }))); };
    ASSERT_TRUE(eventually([&] { return std::all_of(clients.begin(), clients.end(), [&](const Peer& p) { return p.got == number(p); }); }));
    EXPECT_EQ(source->figures().connections, 300u);
    EXPECT_EQ(log.of(EventKind::create).size(), 300u);
    for (const Peer& client : clients) client.finish();
    ASSERT_TRUE(eventually([&] { return std::all_of(server.peers.begin(), server.peers.end(), [](const Peer& p) { return p.ended; }); }));
    for (const Peer& peer : server.peers) peer.finish();
    ASSERT_TRUE(eventually([&] { return std::all_of(clients.begin(), clients.end(), [](const Peer& p) { return p.ended; }); }));
    others.clear();
  }
  expect_descriptors_back();
}

}  // namespace
}  // namespace vslog
