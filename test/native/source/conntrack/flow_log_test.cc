#include "source/conntrack/flow_log.h"

#include <gtest/gtest.h>

#include <vector>

#include "message_builder.h"

namespace vslog {
namespace {

constexpr std::uint64_t kFirst = 1000;
constexpr std::uint32_t kNetns = 42;

class FlowLogTest : public ::testing::Test, protected FlowRecords {
 protected:
  void make(const ConntrackOptions& options = {}, bool silent = false) { log_ = std::make_unique<FlowLog>(options, kFirst, kNetns, silent); }

  void record(const ConnRecord& r) override { got_.push_back(r); }

  /// An event of `flow`, read at `time`.
  void event(Flow::Kind kind, std::uint64_t time, Flow flow = testing::sample_flow()) {
    flow.kind = kind;
    log_->event(flow, time, 0, *this);
  }
  void listed(std::uint64_t time, const Flow& flow = testing::sample_flow()) { log_->listed(flow, time, 0, *this); }

  std::unique_ptr<FlowLog> log_;
  std::vector<ConnRecord> got_;
};

using Kind = Flow::Kind;

TEST_F(FlowLogTest, TellsABeginningAndAnEndUnderOneId) {
  make();
  event(Kind::created, 100);
  event(Kind::destroyed, 350);
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[0].kind, EventKind::create);
  EXPECT_EQ(got_[0].conn_id, kFirst);
  EXPECT_EQ(got_[0].created_ns, 100U);
  EXPECT_EQ(got_[0].netns, kNetns);
  EXPECT_EQ(got_[1].kind, EventKind::expire);
  EXPECT_EQ(got_[1].conn_id, kFirst);
  EXPECT_EQ(got_[1].reason, EndReason::timeout);
  EXPECT_EQ(got_[1].created_ns, 100U);
  EXPECT_EQ(got_[1].duration_ns, 250U);
  EXPECT_EQ(log_->table().size(), 0U);
  event(Kind::created, 400);
  EXPECT_EQ(got_[2].conn_id, kFirst + 1);
}

TEST_F(FlowLogTest, TellsTheBeginningOfAnEndThatCameAlone) {
  make();
  event(Kind::destroyed, 350);
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[0].kind, EventKind::snapshot);
  EXPECT_EQ(got_[1].kind, EventKind::expire);
  EXPECT_EQ(got_[0].conn_id, got_[1].conn_id);
  EXPECT_EQ(got_[1].duration_ns, 0U);
}

TEST_F(FlowLogTest, DoesNotTellABeginningAgain) {
  make();
  log_->set_whole(true);
  event(Kind::created, 100);
  event(Kind::created, 200);
  event(Kind::destroyed, 300);
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[1].created_ns, 100U);
}

TEST_F(FlowLogTest, DoesNotTellAnEndAgain) {
  make();
  log_->set_whole(true);
  event(Kind::created, 100);
  event(Kind::destroyed, 200);
  event(Kind::destroyed, 233);
  EXPECT_EQ(got_.size(), 2U);
  // The next flow in the same memory.
  event(Kind::created, 300);
  event(Kind::destroyed, 400);
  event(Kind::destroyed, 433);
  ASSERT_EQ(got_.size(), 4U);
  EXPECT_EQ(got_[3].conn_id, got_[2].conn_id);
  // One whose beginning the kernel did not tell.
  Flow other = testing::sample_flow();
  other.id = 5;
  event(Kind::destroyed, 500, other);
  event(Kind::destroyed, 533, other);
  ASSERT_EQ(got_.size(), 6U);
  EXPECT_EQ(got_[4].kind, EventKind::snapshot);
}

TEST_F(FlowLogTest, TellsAnEndThatMayBeOfAFlowWhoseBeginningWasLost) {
  make();
  event(Kind::created, 100);
  event(Kind::destroyed, 200);
  log_->set_whole(false);
  event(Kind::destroyed, 300);
  ASSERT_EQ(got_.size(), 4U);
  EXPECT_NE(got_[3].conn_id, got_[1].conn_id);
}

TEST_F(FlowLogTest, DoesNotTellTheLateEndOfAFlowThatWasCalledGone) {
  make();
  log_->set_whole(true);
  event(Kind::created, 100);
  KnownFlow& known = *log_->table().find(key_of(testing::sample_flow()));
  log_->gone(known, 200, *this);
  log_->table().remove(known);
  event(Kind::destroyed, 300);
  EXPECT_EQ(got_.size(), 2U);
}

TEST_F(FlowLogTest, TellsAFlowOfTheDumpOnce) {
  make();
  listed(100);
  event(Kind::created, 101);  // the dump was faster
  ASSERT_EQ(got_.size(), 1U);
  EXPECT_EQ(got_[0].kind, EventKind::snapshot);
  event(Kind::destroyed, 200);
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[1].conn_id, got_[0].conn_id);
}

TEST_F(FlowLogTest, EndsAFlowWhoseEndWasLostWhenItsKeyBeginsAgain) {
  make();
  event(Kind::created, 100);
  event(Kind::created, 200);
  ASSERT_EQ(got_.size(), 3U);
  EXPECT_EQ(got_[1].kind, EventKind::expire);
  EXPECT_EQ(got_[1].reason, EndReason::missed);
  EXPECT_EQ(got_[1].conn_id, kFirst);
  EXPECT_EQ(got_[2].kind, EventKind::create);
  EXPECT_EQ(got_[2].conn_id, kFirst + 1);
  EXPECT_EQ(log_->table().size(), 1U);
}

TEST_F(FlowLogTest, CountsFlowsWhoseEndTheKernelDoesNotTell) {
  make({}, true);
  listed(100);
  EXPECT_EQ(log_->silent(), 1U);
  event(Kind::created, 101);  // so its end will be told
  EXPECT_EQ(log_->silent(), 0U);
  Flow other = testing::sample_flow();
  other.original.source_port = 1;
  listed(102, other);
  EXPECT_EQ(log_->silent(), 1U);
  event(Kind::destroyed, 103, other);
  EXPECT_EQ(log_->silent(), 0U);
}

TEST_F(FlowLogTest, CountsWhatItCannotRemember) {
  ConntrackOptions options;
  options.max_conns = 1;
  make(options);
  event(Kind::created, 1);
  Flow other = testing::sample_flow();
  other.original.source_port = 1;
  event(Kind::created, 2, other);
  EXPECT_EQ(log_->not_remembered(), 1U);
  event(Kind::destroyed, 3, other);
  ASSERT_EQ(got_.size(), 4U);
  EXPECT_EQ(got_[2].kind, EventKind::snapshot) << "its end is that of an unknown one";
}

TEST_F(FlowLogTest, RecordsOnlyWhatIsWanted) {
  ConntrackOptions options;
  options.expires = false;
  make(options);
  event(Kind::created, 1);
  event(Kind::updated, 2);
  event(Kind::destroyed, 3);
  ASSERT_EQ(got_.size(), 1U);
  EXPECT_EQ(got_[0].kind, EventKind::create);
  EXPECT_FALSE(log_->keeps_table());

  got_.clear();
  options.expires = true;
  options.creates = false;
  make(options);
  event(Kind::created, 1);
  event(Kind::destroyed, 3);
  ASSERT_EQ(got_.size(), 1U);
  EXPECT_EQ(got_[0].kind, EventKind::expire);
}

TEST_F(FlowLogTest, TellsChangesWhenAsked) {
  make();
  event(Kind::created, 1);
  event(Kind::updated, 2);
  EXPECT_EQ(got_.size(), 1U);

  got_.clear();
  ConntrackOptions options;
  options.states = true;
  make(options);
  event(Kind::created, 1);
  Flow f = testing::sample_flow();
  f.state = 3;
  f.has_state = true;
  f.mark = 9;
  event(Kind::updated, 2, f);
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[1].kind, EventKind::state);
  EXPECT_EQ(got_[1].conn_id, kFirst);
  EXPECT_EQ(got_[1].state, 3U);
  EXPECT_EQ(got_[1].mark, 9U);
  event(Kind::destroyed, 3);  // tells no state itself
  EXPECT_EQ(got_[2].state, 3U);
  // Of a flow that was not known, its being there is told first.
  Flow other = testing::sample_flow();
  other.original.source_port = 1;
  event(Kind::updated, 4, other);
  ASSERT_EQ(got_.size(), 5U);
  EXPECT_EQ(got_[3].kind, EventKind::snapshot);
  EXPECT_EQ(got_[4].conn_id, got_[3].conn_id);
}

TEST_F(FlowLogTest, TellsNoChangeOfWhatItCannotName) {
  ConntrackOptions options;
  options.states = true;
  options.max_conns = 1;
  make(options);
  Flow dying = testing::sample_flow();
  dying.status |= IPS_DYING;
  event(Kind::updated, 1, dying);
  EXPECT_TRUE(got_.empty()) << "its end was told, or comes";
  event(Kind::created, 2);
  Flow other = testing::sample_flow();
  other.original.source_port = 1;
  event(Kind::updated, 3, other);
  EXPECT_EQ(got_.size(), 1U) << "there is no room for another one";
}

TEST_F(FlowLogTest, TakesTheKernelsTimesWhereItTellsThem) {
  make();
  Flow f = testing::sample_flow();
  f.start_ns = 50;
  event(Kind::created, 100, f);
  EXPECT_EQ(got_[0].time_ns, 50U);
  f.stop_ns = 90;
  event(Kind::destroyed, 200, f);
  EXPECT_EQ(got_[1].time_ns, 90U);
  EXPECT_EQ(got_[1].duration_ns, 40U);
  f.event_ns = 300;
  event(Kind::created, 400, f);
  EXPECT_EQ(got_[2].time_ns, 300U);
}

TEST_F(FlowLogTest, TellsAMissedEndFromWhatItRemembers) {
  make();
  Flow f = testing::sample_flow();
  f.mark = 5;
  f.zone = 6;
  event(Kind::created, 100, f);
  log_->gone(*log_->table().find(key_of(f)), 500, *this);
  ASSERT_EQ(got_.size(), 2U);
  const ConnRecord& end = got_[1];
  EXPECT_EQ(end.reason, EndReason::missed);
  EXPECT_EQ(end.conn_id, kFirst);
  EXPECT_EQ(end.client_addr, testing::v4(1));
  EXPECT_EQ(end.real_addr, testing::v4(3));
  EXPECT_EQ(end.real_port, 8080);
  EXPECT_EQ(end.forward, ForwardMethod::masq);
  EXPECT_EQ(end.mark, 5U);
  EXPECT_EQ(end.zone, 6U);
  EXPECT_EQ(end.created_ns, 100U);
}

/// A flow of which everything is known, as the message of its beginning has it.
Flow full_flow() {
  Flow f = testing::sample_flow();
  f.state = 2;
  f.has_state = f.has_labels = f.has_counters = f.has_timeout = true;
  f.timeout_s = 120;
  f.mark = 5;
  f.zone = 6;
  f.labels[0] = 0x20;
  f.labels[15] = 0x80;
  f.packets_original = 11;
  f.bytes_original = 1100;
  f.packets_reply = 22;
  f.bytes_reply = 2200;
  f.start_ns = 70;
  return f;
}

/// As a later message has it that is of something else: ctnetlink_conntrack_event() puts state and labels only into messages of their change.
Flow sparse(Flow f) {
  f.state = 0;
  f.labels = {};
  f.has_state = f.has_labels = false;
  return f;
}

/// All that every record of full_flow() has.
ConnRecord full_record(EventKind kind, std::uint64_t time_ns) {
  ConnRecord r;
  r.kind = kind;
  r.time_ns = time_ns;
  r.conn_id = kFirst;
  r.created_ns = 70;
  r.family = 4;
  r.protocol = IPPROTO_TCP;
  r.client_addr = testing::v4(1);
  r.client_port = 40000;
  r.virtual_addr = testing::v4(2);
  r.virtual_port = 80;
  r.real_addr = testing::v4(3);
  r.real_port = 8080;
  r.forward = ForwardMethod::masq;
  r.flags = IPS_CONFIRMED | IPS_DST_NAT;
  r.state = 2;
  r.netns = kNetns;
  r.mark = 5;
  r.zone = 6;
  r.labels[0] = 0x20;
  r.labels[15] = 0x80;
  return r;
}

ConnRecord counted(ConnRecord r) {
  r.packets_in = 11;
  r.bytes_in = 1100;
  r.packets_out = 22;
  r.bytes_out = 2200;
  return r;
}

ConnRecord timed(ConnRecord r) {
  r.timeout_ms = 120'000;
  return r;
}

TEST_F(FlowLogTest, EveryRecordHasEveryFieldThatTheKernelEverTold) {
  ConntrackOptions options;
  options.states = true;
  make(options);
  const Flow flow = full_flow();
  // Its messages: a beginning, a change of something else, one of the labels, the end, which has neither state nor labels.
  event(Kind::created, 100, flow);
  event(Kind::updated, 200, sparse(flow));
  Flow labelled = sparse(flow);
  labelled.has_labels = true;
  labelled.labels[1] = 0x40;
  event(Kind::updated, 300, labelled);
  Flow end = sparse(flow);
  end.stop_ns = 400;
  end.has_timeout = false;
  event(Kind::destroyed, 450, end);
  ASSERT_EQ(got_.size(), 4U);
  EXPECT_EQ(got_[0], timed(counted(full_record(EventKind::create, 70))));
  EXPECT_EQ(got_[1], timed(counted(full_record(EventKind::state, 200))));
  ConnRecord changed = timed(counted(full_record(EventKind::state, 300)));
  changed.labels[1] = 0x40;
  changed.labels[0] = changed.labels[15] = 0;
  EXPECT_EQ(got_[2], changed);
  ConnRecord ended = counted(full_record(EventKind::expire, 400));
  ended.reason = EndReason::timeout;
  ended.duration_ns = 330;
  ended.labels = changed.labels;
  EXPECT_EQ(got_[3], ended);
}

TEST_F(FlowLogTest, OfADumpTooEveryRecordHasEveryField) {
  make();
  Flow flow = full_flow();
  flow.kind = Kind::listed;
  listed(100, flow);
  log_->gone(*log_->table().find(key_of(flow)), 500, *this);
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[0], timed(counted(full_record(EventKind::snapshot, 100))));
  ConnRecord ended = full_record(EventKind::expire, 500);
  ended.reason = EndReason::missed;
  EXPECT_EQ(got_[1], ended) << "counters and timer of a flow that is gone are not known";

  got_.clear();
  make();
  listed(100, flow);
  event(Kind::destroyed, 450, sparse(full_flow()));
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[1].labels, full_flow().labels);
  EXPECT_EQ(got_[1].state, 2U);

  // The dump was faster than the beginning, which has what was set meanwhile.
  got_.clear();
  make();
  Flow bare = sparse(flow);
  listed(100, bare);
  event(Kind::created, 110, full_flow());
  event(Kind::destroyed, 450, sparse(full_flow()));
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(got_[1].labels, full_flow().labels);
}

}  // namespace
}  // namespace vslog
