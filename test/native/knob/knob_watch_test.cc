#include "knob/knob_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>

#include "temp_dir.h"

namespace vslog {
namespace {

/// As the kernel calls this process: in a container not getpid().
constexpr std::uint32_t kOurs = 4321;

class Events final : public KnobEvents {
 public:
  explicit Events(std::deque<KnobEvent>& waiting) : waiting_(waiting) {}
  int poll_fd() const override { return -1; }
  std::optional<KnobEvent> next() override {
    if (waiting_.empty()) return std::nullopt;
    KnobEvent event = waiting_.front();
    waiting_.pop_front();
    return event;
  }
  std::uint32_t own_pid() const override { return kOurs; }
  std::uint64_t lost() const override { return 0; }

 private:
  std::deque<KnobEvent>& waiting_;
};

constexpr std::uint32_t kOwn = 7;

class WatchTest : public testing::Test {
 protected:
  std::unique_ptr<KnobWatch> make(bool events) {
    KnobWatchOptions options;
    options.state_path = dir.file("state");
    options.boot_id = "boot";
    options.own_netns = kOwn;
    return std::make_unique<KnobWatch>(
        options, events ? std::make_unique<Events>(waiting) : nullptr,
        [this](const Knob& knob) {
          const auto at = values.find(knob.name);
          return at == values.end() ? KnobReading{"", "not there"} : KnobReading{at->second, ""};
        },
        [this](const ControlRecord& record) { told.push_back(record); });
  }

  KnobEvent wrote(const char* path, std::int32_t before, std::int32_t after, std::uint32_t netns = kOwn) {
    KnobEvent event;
    event.netns = netns;
    event.path = path;
    event.length = 4;
    event.before[0] = before;
    event.after[0] = after;
    event.author.pid = 1;
    event.author.through = Through::sysctl;
    event.author.command = "sysctl";
    return event;
  }

  TempDir dir;
  std::map<std::string, std::string, std::less<>> values{{"expire_nodest_conn", "0"}, {"drop_entry", "1"}, {"timeout_tcp", "900"}, {"timeout_udp", "300"}, {"sync_threshold", "3 50"}};
  std::deque<KnobEvent> waiting;
  std::vector<ControlRecord> told;
};

TEST_F(WatchTest, AComparisonFindsAChangeWhoseAuthorIsNotKnown) {
  auto watch = make(false);
  watch->start();
  EXPECT_TRUE(told.empty());
  values["expire_nodest_conn"] = "1";
  watch->tick();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].name, "expire_nodest_conn");
  EXPECT_EQ(told[0].old_value, "0");
  EXPECT_EQ(told[0].new_value, "1");
  EXPECT_EQ(told[0].through, Through::unknown);
  EXPECT_EQ(told[0].uid, kNoUid);
  watch->tick();
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(WatchTest, TheKernelsOwnFlipIsNoChange) {
  auto watch = make(false);
  watch->start();
  values["drop_entry"] = "2";
  watch->tick();
  EXPECT_TRUE(told.empty());
  values["drop_entry"] = "3";
  watch->tick();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].old_value, "2");
}

TEST_F(WatchTest, WhoWroteIsToldByTheKernelOnceAndNotFoundAgain) {
  auto watch = make(true);
  watch->start();
  values["expire_nodest_conn"] = "1";
  waiting.push_back(wrote("net/ipv4/vs/expire_nodest_conn", 0, 1));
  watch->tick();  // it is on its way
  watch->drain();
  watch->tick();
  watch->tick();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].command, "sysctl");
}

TEST_F(WatchTest, TwoWritesAreTwoChangesAndWritingTheSameIsNone) {
  auto watch = make(true);
  watch->start();
  waiting = {wrote("net/ipv4/vs/expire_nodest_conn", 0, 1), wrote("net/ipv4/vs/expire_nodest_conn", 1, 0), wrote("net/ipv4/vs/expire_nodest_conn", 0, 0)};
  watch->drain();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].old_value, "1");
  EXPECT_EQ(told[1].new_value, "0");
}

TEST_F(WatchTest, WhatNobodyToldIsFoundWhenItStays) {
  auto watch = make(true);
  watch->start();
  values["expire_nodest_conn"] = "1";
  watch->tick();
  EXPECT_TRUE(told.empty());
  watch->tick();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].through, Through::unknown);
}

TEST_F(WatchTest, OurOwnWriteIsToldWithWhoeverAsked) {
  auto watch = make(true);
  watch->start();
  values["expire_nodest_conn"] = "1";
  Author author;
  author.uid = 1000;
  watch->set({find_knob("expire_nodest_conn"), "0", "1"}, kOwn, author);
  KnobEvent ours = wrote("net/ipv4/vs/expire_nodest_conn", 0, 1);
  ours.author.pid = kOurs;
  waiting.push_back(ours);
  watch->drain();
  watch->tick();
  watch->tick();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].uid, 1000U);
  EXPECT_EQ(told[0].through, Through::vslog);
}

TEST_F(WatchTest, TimeoutsThatWereLeftAsTheyAreAreNoChange) {
  auto watch = make(true);
  watch->start();
  KnobEvent set;
  set.netns = kOwn;
  set.author.pid = 1;
  set.after[0] = 901;
  set.after[2] = 300;
  waiting.push_back(set);
  watch->drain();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].name, "timeout_tcp");
  EXPECT_EQ(told[0].old_value, "900");
  EXPECT_EQ(told[0].new_value, "901");
}

TEST_F(WatchTest, AnotherNamespaceIsNotOurs) {
  auto watch = make(true);
  watch->start();
  waiting.push_back(wrote("net/ipv4/vs/expire_nodest_conn", 0, 1, kOwn + 1));
  watch->drain();
  EXPECT_TRUE(told.empty());
}

TEST_F(WatchTest, AFileThatIsNoKnobIsPassedOver) {
  auto watch = make(true);
  watch->start();
  waiting.push_back(wrote("net/netfilter/nf_hooks_lwtunnel", 0, 1));
  watch->drain();
  EXPECT_TRUE(told.empty());
}

TEST_F(WatchTest, APairIsRead) {
  auto watch = make(true);
  watch->start();
  KnobEvent event = wrote("net/ipv4/vs/sync_threshold", 3, 2);
  event.length = 8;
  event.before[1] = 50;
  event.after[1] = 40;
  waiting.push_back(event);
  watch->drain();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].old_value, "3 50");
  EXPECT_EQ(told[0].new_value, "2 40");
}

TEST_F(WatchTest, WhatChangedWhileNobodyWatchedIsToldAtTheNextStartOfTheSameBoot) {
  make(false)->start();
  values["expire_nodest_conn"] = "1";
  auto next = make(false);
  next->start();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].detail, "it was found when the capture started");
}

TEST_F(WatchTest, ValuesOfAnotherBootMeanNothing) {
  make(false)->start();
  values["expire_nodest_conn"] = "1";
  KnobWatchOptions options;
  options.state_path = dir.file("state");
  options.boot_id = "another";
  options.own_netns = kOwn;
  KnobWatch next(options, nullptr, [this](const Knob& knob) { return values.contains(knob.name) ? KnobReading{values.find(knob.name)->second, ""} : KnobReading{"", "no"}; },
                 [this](const ControlRecord& record) { told.push_back(record); });
  next.start();
  EXPECT_TRUE(told.empty());
}

}  // namespace
}  // namespace vslog
