// The source on files that the test writes: what is logged, at which time, and what a bad file does.
#include "source/engine/pcap_source.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <fstream>

#include "engine/state.h"
#include "pcap_bytes.h"
#include "source/engine/engine_source.h"
#include "source/engine/service_options.h"
#include "source/registry.h"
#include "temp_dir.h"

namespace vslog {
namespace {

using engine::kAck;
using engine::kFin;
using engine::kSyn;
using engine::kTcp;
using engine::kUdp;

constexpr std::uint32_t kStart = 1'700'000'000;
constexpr std::uint64_t kStartNs = kStart * 1'000'000'000ULL;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

struct Log final : EventSink {
  std::vector<ConnRecord> conns;
  std::vector<ControlRecord> controls;
  void conn(const ConnRecord& record) override { conns.push_back(record); }
  void control(const ControlRecord& record) override { controls.push_back(record); }

  std::vector<ConnRecord> of(EventKind kind) const {
    std::vector<ConnRecord> found;
    for (const ConnRecord& r : conns) {
      if (r.kind == kind) found.push_back(r);
    }
    return found;
  }
};

bool readable(const Source& source) {
  pollfd p{source.poll_fd(), POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

Bytes client_syn(std::uint16_t port = 40000) { return ipv4(kTcp, tcp(port, 80, kSyn)); }

class PcapSourceTest : public testing::Test {
 protected:
  PcapSourceTest() {
    options_.name = "engine";
    use("tcp://10.1.0.1:80", "10.2.0.1:8080");
  }

  void use(const std::string& service, const std::string& real) {
    ServiceSetup setup;
    setup.service.key = parse_service_key(service);
    setup.reals.push_back(parse_real(real));
    options_.engine.services.push_back(setup);
  }

  const std::string& file(const Bytes& bytes) {
    options_.engine.pcap = dir_.file("packets");
    std::ofstream out(options_.engine.pcap, std::ios::binary | std::ios::trunc);
    for (const std::uint8_t b : bytes) out.put(static_cast<char>(b));
    return options_.engine.pcap;
  }

  /// Until nothing is left. What the source says at the end goes into said_.
  Log play(const Bytes& bytes, std::size_t max = 256) {
    file(bytes);
    Log log;
    testing::internal::CaptureStderr();
    const std::unique_ptr<Source> source = make_source(options_);
    source->start(0);
    while (readable(*source)) {
      const std::size_t before = log.conns.size() + log.controls.size();
      const std::size_t taken = source->drain(log, max);
      EXPECT_LE(taken, max);
      EXPECT_EQ(taken, log.conns.size() + log.controls.size() - before);
    }
    source->finish();  // says nothing a second time
    figures_ = source->figures();
    EXPECT_EQ(figures_.connections, 0U);
    EXPECT_EQ(source->drain(log, max), 0U);
    said_ = testing::internal::GetCapturedStderr();
    return log;
  }

  std::string refusal() {
    try {
      check_source(options_);
    } catch (const SetupError& e) {
      return e.what();
    }
    return "none";
  }

  TempDir dir_;
  SourceOptions options_;
  SourceFigures figures_;
  std::string said_;
};

TEST_F(PcapSourceTest, AConnectionInThePacketsTime) {
  const Ipv4 reply{.source = {10, 2, 0, 1}, .destination = {10, 1, 0, 50}};
  PcapBytes f;
  f.packet(kStart, 250'000, client_syn())
      .packet(kStart, 350'000, ipv4(kTcp, tcp(8080, 40000, kSyn | kAck), reply))
      .packet(kStart + 1, 250'000, ipv4(kTcp, tcp(40000, 80, kAck) + zeros(100)))
      .packet(kStart + 2, 0, ipv4(kTcp, tcp(40000, 80, kAck | kFin)))
      .packet(kStart + 2, 0, ipv4(kTcp, tcp(8080, 40000, kAck | kFin), reply));
  const Log log = play(f.bytes());

  const std::vector<ConnRecord> created = log.of(EventKind::create);
  ASSERT_EQ(created.size(), 1U);
  EXPECT_EQ(created[0].time_ns, kStartNs + 250'000'000);
  EXPECT_EQ(created[0].client_port, 40000);
  EXPECT_EQ(created[0].real_port, 8080);
  const std::vector<ConnRecord> ended = log.of(EventKind::expire);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].conn_id, created[0].conn_id);
  EXPECT_EQ(ended[0].reason, EndReason::timeout);
  EXPECT_EQ(ended[0].packets_in, 3U);
  EXPECT_EQ(ended[0].bytes_in, 40U + 140U + 40U);
  EXPECT_EQ(ended[0].packets_out, 2U);
  EXPECT_EQ(ended[0].created_ns, created[0].time_ns);
  // After the last packet TIME_WAIT runs on the file's clock, two minutes, and not on the machine's.
  EXPECT_GE(ended[0].time_ns, kStartNs + 122 * kSecondNs - 4'000'000);  // timers count in ticks of 4 ms
  EXPECT_LE(ended[0].time_ns, kStartNs + 123 * kSecondNs);

  ASSERT_FALSE(log.controls.empty());
  for (const ControlRecord& c : log.controls) EXPECT_EQ(c.time_ns, kStartNs + 250'000'000);
  EXPECT_NE(said_.find("5 packets read, 5 used (5 of a service), 0 skipped"), std::string::npos) << said_;
  EXPECT_EQ(said_.find("earlier"), std::string::npos) << said_;
  EXPECT_EQ(std::count(said_.begin(), said_.end(), '\n'), 1) << said_;
}

TEST_F(PcapSourceTest, LongPausesEndConnectionsWhenTheyWouldHave) {
  PcapBytes f;
  f.packet(kStart, 0, client_syn(1)).packet(kStart + 30 * 86'400, 0, client_syn(2)).packet(kStart + 4000U * 86'400, 0, client_syn(3));
  const Log log = play(f.bytes());
  const std::vector<ConnRecord> ended = log.of(EventKind::expire);
  ASSERT_EQ(ended.size(), 3U);
  const std::vector<ConnRecord> created = log.of(EventKind::create);
  ASSERT_EQ(created.size(), 3U);
  EXPECT_EQ(created[1].time_ns, kStartNs + 30 * 86'400 * kSecondNs);
  EXPECT_EQ(created[2].time_ns, kStartNs + 4000ULL * 86'400 * kSecondNs);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LT(ended[i].time_ns, created[i].time_ns + 200 * kSecondNs);
  for (std::size_t i = 1; i < log.conns.size(); ++i) EXPECT_GE(log.conns[i].time_ns, log.conns[i - 1].time_ns);
}

TEST_F(PcapSourceTest, TimesThatGoBackAreCountedAndTheClockStays) {
  PcapBytes f;
  f.packet(kStart, 0, client_syn(1)).packet(kStart + 5, 0, client_syn(2)).packet(kStart + 2, 0, client_syn(3)).packet(kStart - 50, 0, client_syn(4)).packet(kStart + 6, 0, client_syn(5));
  const Log log = play(f.bytes());
  const std::vector<ConnRecord> created = log.of(EventKind::create);
  ASSERT_EQ(created.size(), 5U);
  const std::uint64_t seconds[] = {0, 5, 5, 5, 6};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(created[i].time_ns, kStartNs + seconds[i] * kSecondNs) << i;
  EXPECT_NE(said_.find("; 2 were earlier"), std::string::npos) << said_;
}

TEST_F(PcapSourceTest, CountsWhatItCouldNotUse) {
  PcapBytes f(1);
  f.packet(kStart, 0, ethernet(0x0800, client_syn()))
      .packet(kStart, 0, ethernet(0x0806, zeros(28)))
      .packet(kStart, 0, ethernet(0x0800, ipv4(kUdp, zeros(64), {.fragment = 5})))
      .packet(kStart, 0, ethernet(0x0800, ipv4(1, zeros(8))))
      .packet(kStart, 0, ethernet(0x0800, client_syn()), 30)
      .packet(kStart, 0, ethernet(0x0800, zeros(40)))
      .packet(kStart, 0, ethernet(0x0800, ipv4(kUdp, udp(1, 2))));
  const Log log = play(f.bytes());
  EXPECT_EQ(log.of(EventKind::create).size(), 1U);
  EXPECT_EQ(figures_.malformed, 1U);
  EXPECT_NE(said_.find("7 packets read, 2 used (1 of a service), 4 skipped (1 not IP, 1 fragments of datagrams of which others are missing, 1 of other protocols, 1 captured too short), 1 malformed."), std::string::npos) << said_;
}

TEST_F(PcapSourceTest, ADatagramInFragmentsCountsWhole) {
  use("udp://10.1.0.1:53", "10.2.0.1:53");
  constexpr std::uint16_t kMore = 0x2000;
  PcapBytes f;
  f.packet(kStart, 0, ipv4(kUdp, udp(4008, 53, 1472), {.fragment = kMore}))
      .packet(kStart, 1, ipv4(kUdp, zeros(1480), {.fragment = kMore | 185}))
      .packet(kStart, 2, ipv4(kUdp, zeros(1048), {.fragment = 370}));
  const Log log = play(f.bytes());
  const std::vector<ConnRecord> ended = log.of(EventKind::expire);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].packets_in, 1U);
  EXPECT_EQ(ended[0].bytes_in, 4028U);
  EXPECT_EQ(log.of(EventKind::create).at(0).time_ns, kStartNs + 2000);
  EXPECT_NE(said_.find("3 packets read, 3 used (3 of a service), 0 skipped"), std::string::npos) << said_;
}

TEST_F(PcapSourceTest, AnAssociationEndsByAnAbortBehindItsCookie) {
  use("sctp://10.1.0.1:3868", "10.2.0.1:3868");
  const auto chunk = [](std::uint8_t type, std::size_t size) { return Bytes{type, 0} + be16(size) + zeros(size - 4); };
  const Bytes ports = be16(5000) + be16(3868) + zeros(8);
  const Ipv4 reply{.source = {10, 2, 0, 1}, .destination = {10, 1, 0, 50}};
  PcapBytes f;
  f.packet(kStart, 0, ipv4(engine::kSctp, ports + chunk(engine::kSctpInit, 20)))
      .packet(kStart, 1, ipv4(engine::kSctp, be16(3868) + be16(5000) + zeros(8) + chunk(engine::kSctpInitAck, 20), reply))
      .packet(kStart, 2, ipv4(engine::kSctp, ports + chunk(engine::kSctpCookieEcho, 8) + chunk(engine::kSctpAbort, 4)));
  const Log log = play(f.bytes());
  const std::vector<ConnRecord> ended = log.of(EventKind::expire);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].state, static_cast<std::uint32_t>(engine::SctpState::closed));
}

TEST_F(PcapSourceTest, DrainGivesNoMoreThanItIsAskedFor) {
  PcapBytes f;
  for (std::uint16_t port = 1001; port <= 1500; ++port) f.packet(kStart, port, client_syn(port));
  const Log log = play(f.bytes(), 7);
  EXPECT_EQ(log.of(EventKind::create).size(), 500U);
  EXPECT_EQ(log.of(EventKind::expire).size(), 500U);
}

TEST_F(PcapSourceTest, ConnectionsCanBeSeenAndEndedOnTheWay) {
  PcapBytes f;
  f.packet(kStart, 0, client_syn(1)).packet(kStart, 1, client_syn(2));
  file(f.bytes());
  testing::internal::CaptureStderr();
  const std::unique_ptr<Source> source = make_source(options_);
  source->start(0);
  Log log;
  while (readable(*source) && log.of(EventKind::create).size() < 2) source->drain(log, 1);
  std::size_t seen = 0;
  source->visit({}, [&seen](const ConnRecord&) { ++seen; });
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(source->expire({}).ended, 2U);
  while (readable(*source)) source->drain(log, 16);
  testing::internal::GetCapturedStderr();
  ASSERT_EQ(log.of(EventKind::expire).size(), 2U);
  for (const ConnRecord& r : log.of(EventKind::expire)) EXPECT_EQ(r.reason, EndReason::flushed);
}

TEST_F(PcapSourceTest, ConnectionsEndWithASourceThatIsStopped) {
  PcapBytes f;
  f.packet(kStart, 0, client_syn(1)).packet(kStart + 86'400, 0, client_syn(2));
  file(f.bytes());
  testing::internal::CaptureStderr();
  const std::unique_ptr<Source> source = make_source(options_);
  source->start(0);
  Log log;
  while (readable(*source) && log.of(EventKind::create).empty()) source->drain(log, 1);
  source->finish();
  while (readable(*source)) source->drain(log, 16);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(log.of(EventKind::create).size(), 1U);
  ASSERT_EQ(log.of(EventKind::expire).size(), 1U);
  EXPECT_EQ(log.of(EventKind::expire)[0].reason, EndReason::capture_stopped);
}

TEST_F(PcapSourceTest, ACutOffFileKeepsWhatStandsBefore) {
  PcapBytes f;
  f.packet(kStart, 0, client_syn(1)).packet(kStart, 1, client_syn(2));
  const std::size_t whole = f.bytes().size();
  f.packet(kStart, 2, client_syn(3));
  for (const std::size_t size : {whole + 1, whole + 15, whole + 16, f.bytes().size() - 1}) {
    const Log log = play(Bytes(f.bytes().begin(), f.bytes().begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(log.of(EventKind::create).size(), 2U) << size;
    EXPECT_EQ(log.of(EventKind::expire).size(), 2U) << size;
    EXPECT_NE(said_.find("is cut off in packet 3, and all that stands before it is kept"), std::string::npos) << said_;
    EXPECT_NE(said_.find("2 packets read"), std::string::npos) << said_;
  }
  play(Bytes(f.bytes().begin(), f.bytes().begin() + static_cast<std::ptrdiff_t>(whole)));
  EXPECT_EQ(said_.find("cut off"), std::string::npos) << said_;
}

TEST_F(PcapSourceTest, AFileWithoutPackets) {
  const Log log = play(PcapBytes().bytes());
  EXPECT_TRUE(log.conns.empty());
  EXPECT_FALSE(log.controls.empty());
  EXPECT_NE(said_.find("0 packets read"), std::string::npos) << said_;
}

TEST_F(PcapSourceTest, RefusesInOneSentenceThatNamesTheFile) {
  options_.engine.pcap = dir_.file("nowhere");
  EXPECT_EQ(refusal(), "--pcap " + options_.engine.pcap + " cannot be opened: No such file or directory.");
  options_.engine.pcap = dir_.file("");
  EXPECT_NE(refusal().find("must be a regular file."), std::string::npos) << refusal();
  const std::string path = file({});
  EXPECT_EQ(refusal().find("--pcap " + path + " is not a pcap or pcapng file: "), 0U) << refusal();
  file(zeros(100));
  EXPECT_EQ(refusal().find("--pcap " + path + " is not a pcap or pcapng file: "), 0U) << refusal();
  file(PcapBytes(105).bytes());
  EXPECT_EQ(refusal(), "--pcap " + path + " has packets of link type IEEE802_11, which cannot be read: it must be Ethernet, Linux cooked, raw IP or BSD loopback.");
  file(PcapBytes().bytes());
  EXPECT_EQ(refusal(), "none");
  options_.engine.load = true;
  EXPECT_NE(refusal().find("exclude each other"), std::string::npos);
  options_.engine.load = false;
  options_.engine.services.clear();
  EXPECT_NE(refusal().find("give it a --service"), std::string::npos);
}

TEST_F(PcapSourceTest, WhatIsChangedAfterTheLastPacketIsFetched) {
  PcapBytes f;
  f.packet(kStart, 0, client_syn());
  file(f.bytes());
  Log log;
  testing::internal::CaptureStderr();
  const std::unique_ptr<Source> source = make_source(options_);
  source->start(0);
  while (readable(*source)) source->drain(log, 256);
  testing::internal::GetCapturedStderr();
  const std::size_t before = log.controls.size();
  dynamic_cast<EngineSource&>(*source).engine().set_knob("expire_nodest_conn", "1", {});
  EXPECT_TRUE(readable(*source));
  source->drain(log, 256);
  EXPECT_FALSE(readable(*source));
  ASSERT_EQ(log.controls.size(), before + 1);
  EXPECT_EQ(log.controls.back().kind, ControlKind::knob_changed);
}

}  // namespace
}  // namespace vslog
