#include "source/conntrack/table_comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "message_builder.h"
#include "source/conntrack/flow_log.h"

namespace vslog {
namespace {

constexpr std::uint64_t kFirst = 1000;

/// The kernel's table as it behaves: a piece of a list is made when the one before is read, an end is told before the flow is taken out, and a list passes over a flow whose timer has run out.
class FakeKernel final : public KernelTable {
 public:
  using Place = std::uint32_t;

  /// What was told and not handled yet, in order.
  std::deque<Flow> events;
  /// Events find no room.
  bool full = false;
  std::uint64_t lost = 0;
  /// Flows a piece.
  std::size_t piece = 2;

  static Flow flow_of(Place place) {
    Flow f = testing::sample_flow();
    f.id = place;
    f.original.source_port = static_cast<std::uint16_t>(place);
    return f;
  }

  /// A flow begins; the table is walked in the order of places.
  void begin(Place place) {
    table_.emplace(place, Kept{flow_of(place)});
    tell(table_.at(place).flow, Flow::Kind::created);
  }
  /// Its end is told; it is in the table until remove().
  void die(Place place) {
    Kept& kept = table_.at(place);
    kept.flow.status |= IPS_DYING;
    tell(kept.flow, Flow::Kind::destroyed);
  }
  void remove(Place place) { table_.erase(place); }
  void end(Place place) {
    die(place);
    remove(place);
  }
  /// Its timer runs out; it is there until somebody looks for it.
  void expire(Place place) { table_.at(place).expired = true; }

  std::unique_ptr<FlowListing> list() override { return std::make_unique<Walk>(*this); }

  bool has(const FlowKey& key) override {
    ++asked;
    const auto found = table_.find(key.id);
    if (found == table_.end()) return false;
    if (!found->second.expired) return true;
    end(key.id);
    return false;
  }

  std::set<Place> places() const {
    std::set<Place> all;
    for (const auto& [place, kept] : table_) all.insert(place);
    return all;
  }
  bool is_dying(Place place) const { return vslog::is_dying(table_.at(place).flow); }
  bool is_expired(Place place) const { return table_.at(place).expired; }

  std::size_t asked = 0;

 private:
  struct Kept {
    Flow flow;
    bool expired = false;
  };

  class Walk final : public FlowListing {
   public:
    explicit Walk(FakeKernel& kernel) : kernel_(kernel) { make(); }

    Progress next(const std::function<void(const Flow&)>& each) override {
      const std::vector<Flow> shown = std::exchange(next_, {});
      Progress progress;
      progress.flows = shown.size();
      progress.read = true;
      progress.done = whole_;
      make();
      for (const Flow& flow : shown) each(flow);
      return progress;
    }

   private:
    void make() {
      auto at = kernel_.table_.lower_bound(from_);
      for (; at != kernel_.table_.end() && next_.size() < kernel_.piece; ++at) {
        from_ = at->first + 1;
        if (at->second.expired) continue;
        Flow flow = at->second.flow;
        flow.kind = Flow::Kind::listed;
        next_.push_back(flow);
      }
      whole_ = next_.empty();
    }

    FakeKernel& kernel_;
    Place from_ = 0;
    bool whole_ = false;
    std::vector<Flow> next_;
  };

  void tell(Flow flow, Flow::Kind kind) {
    flow.kind = kind;
    if (full) ++lost;
    else events.push_back(flow);
  }

  std::map<Place, Kept> table_;
};

/// A log that follows the kernel as source conntrack does.
class TableComparisonTest : public ::testing::Test, protected FlowRecords {
 protected:
  void record(const ConnRecord& r) override { told_[r.client_port].push_back(r); }

  void compare() { comparison_.begin(); }

  /// Handles some events.
  void handle(std::size_t most = 1000) {
    for (; most > 0 && !kernel_.events.empty(); --most) {
      const Flow flow = kernel_.events.front();
      kernel_.events.pop_front();
      log_.event(flow, ++now_, comparison_.generation(), *this);
      if (flow.kind == Flow::Kind::destroyed) comparison_.ended(key_of(flow));
      if (barrier_ && --*barrier_ == 0) pass();
    }
  }

  /// Does one piece of the comparison's work.
  void work() {
    if (!comparison_.running() || barrier_) return;
    if (!comparison_.work(1).barrier) return;
    barrier_ = kernel_.events.size();
    if (*barrier_ == 0) pass();
  }

  void finish() {
    while (comparison_.running()) {
      work();
      handle();
    }
  }

  std::vector<std::string> kinds(FakeKernel::Place place) const {
    std::vector<std::string> kinds;
    const auto found = told_.find(place);
    if (found == told_.end()) return kinds;
    for (const ConnRecord& r : found->second) {
      kinds.emplace_back(r.kind == EventKind::expire ? (r.reason == EndReason::missed ? "missed" : "expire") : r.kind == EventKind::create ? "create" : "snapshot");
      EXPECT_EQ(r.conn_id, found->second.front().conn_id) << "flow " << place;
    }
    return kinds;
  }

  void pass() {
    barrier_.reset();
    comparison_.barrier();
  }

  using Kinds = std::vector<std::string>;

  FakeKernel kernel_;
  FlowLog log_{ConntrackOptions{}, kFirst, 0, false};
  TableComparison comparison_{log_.table(), kernel_, false,
                              {[this](const Flow& flow) { log_.listed(flow, ++now_, comparison_.generation(), *this); }, [this](const KnownFlow& known) { log_.gone(known, ++now_, *this); }}};
  std::map<FakeKernel::Place, std::vector<ConnRecord>> told_;
  /// Events that must be handled before the barrier.
  std::optional<std::size_t> barrier_;
  std::uint64_t now_ = 0;
};

TEST_F(TableComparisonTest, DoesNotTellAgainAFlowThatEndedAfterItsPieceWasMade) {
  for (const FakeKernel::Place place : {1U, 2U, 3U, 4U}) kernel_.begin(place);
  handle();
  compare();  // the piece with 1 and 2 is made
  kernel_.end(1);
  handle();
  work();  // it is read; the piece with 3 and 4 is made
  kernel_.end(4);
  handle();
  finish();
  for (const FakeKernel::Place place : {1U, 4U}) EXPECT_EQ(kinds(place), (Kinds{"create", "expire"})) << place;
  EXPECT_EQ(log_.table().size(), 2U);
}

TEST_F(TableComparisonTest, DoesNotTellAgainAFlowWhoseEndWasToldAndThatIsStillInTheTable) {
  kernel_.begin(1);
  kernel_.die(1);
  handle();
  compare();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create", "expire"}));
  kernel_.remove(1);
  compare();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create", "expire"}));
}

TEST_F(TableComparisonTest, LooksAgainForADyingFlowWhoseEndWasLost) {
  kernel_.begin(1);
  handle();
  kernel_.full = true;
  kernel_.die(1);
  compare();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create"}));
  EXPECT_TRUE(comparison_.undecided());
  kernel_.remove(1);
  compare();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create", "missed"}));
  EXPECT_FALSE(comparison_.undecided());
}

TEST_F(TableComparisonTest, DoesNotMissAFlowThatTheListPassesOver) {
  kernel_.begin(1);
  kernel_.begin(2);
  handle();
  kernel_.expire(1);
  compare();
  finish();
  // The kernel ended it when it was asked for it.
  EXPECT_EQ(kinds(1), (Kinds{"create", "expire"}));
  EXPECT_EQ(kinds(2), (Kinds{"create"}));
}

TEST_F(TableComparisonTest, KeepsAFlowThatTheListPassesOverAndTheKernelHas) {
  kernel_.begin(1);
  handle();
  kernel_.piece = 0;  // the list shows nothing
  compare();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create"}));
  EXPECT_TRUE(comparison_.undecided());
}

TEST_F(TableComparisonTest, AsksForNoFlowThatTheListShows) {
  for (FakeKernel::Place place = 1; place <= 10; ++place) kernel_.begin(place);
  handle();
  compare();
  finish();
  EXPECT_EQ(kernel_.asked, 0U);
}

TEST_F(TableComparisonTest, WaitsForAnEndThatIsOnTheWay) {
  kernel_.begin(1);
  handle();
  kernel_.end(1);
  compare();
  for (int turn = 0; turn < 10; ++turn) work();
  EXPECT_EQ(kinds(1), (Kinds{"create"}));
  handle();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create", "expire"}));
}

TEST_F(TableComparisonTest, TellsTheEndThatWasLost) {
  kernel_.begin(1);
  kernel_.begin(2);
  handle();
  kernel_.full = true;
  kernel_.end(1);
  compare();
  finish();
  EXPECT_EQ(kinds(1), (Kinds{"create", "missed"}));
  EXPECT_EQ(kinds(2), (Kinds{"create"}));
}

TEST_F(TableComparisonTest, TellsEveryFlowOnceWhateverComesBetween) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);  // NOLINT(cert-msc51-cpp): the same history for the same seed
    const auto one_of = [&random](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    kernel_ = {};
    told_.clear();
    std::uint64_t seen = 0;
    FakeKernel::Place newest = 0;
    std::vector<FakeKernel::Place> free(400);
    for (FakeKernel::Place& place : free) place = ++newest;
    std::shuffle(free.begin(), free.end(), random);
    compare();
    finish();
    for (int step = 0; step < 600; ++step) {
      const std::set<FakeKernel::Place> there = kernel_.places();
      std::optional<FakeKernel::Place> any;
      if (!there.empty()) any = *std::next(there.begin(), static_cast<std::ptrdiff_t>(one_of(there.size())));
      const bool whole = any && !kernel_.is_dying(*any) && !kernel_.is_expired(*any);
      switch (one_of(10)) {
        case 0:
        case 1:
        case 2:
          if (!free.empty()) {
            kernel_.begin(free.back());
            free.pop_back();
          }
          break;
        case 3:
          if (whole) kernel_.end(*any);
          break;
        case 4:
          if (any && kernel_.is_dying(*any)) kernel_.remove(*any);
          else if (whole) kernel_.die(*any);
          break;
        case 5:
          if (whole) kernel_.expire(*any);
          break;
        case 6: kernel_.full = one_of(4) == 0; break;
        case 7: handle(one_of(6)); break;
        case 8: work(); break;
        default:
          // A gap is told when everything before it was handled.
          if (!comparison_.running() && kernel_.events.empty() && kernel_.lost != seen) {
            seen = kernel_.lost;
            compare();
          }
      }
    }
    // Everything comes to rest; then two looks.
    kernel_.full = false;
    finish();
    for (const FakeKernel::Place place : kernel_.places()) {
      if (kernel_.is_dying(place)) kernel_.remove(place);
      else if (kernel_.is_expired(place)) kernel_.end(place);
    }
    handle();
    for (int look = 0; look < 2; ++look) {
      compare();
      finish();
    }
    const std::set<FakeKernel::Place> there = kernel_.places();
    EXPECT_EQ(log_.table().size(), there.size());
    for (FakeKernel::Place place = 1; place <= newest; ++place) {
      const Kinds told = kinds(place);
      if (there.contains(place)) {
        EXPECT_EQ(told.size(), 1U) << place;
      } else if (!told.empty()) {
        // Nothing is told of a flow whose beginning and end were both lost.
        ASSERT_EQ(told.size(), 2U) << place;
        EXPECT_TRUE(told[0] == "create" || told[0] == "snapshot") << place;
        EXPECT_TRUE(told[1] == "expire" || told[1] == "missed") << place;
      }
    }
    if (HasFailure()) return;
    kernel_.events.clear();
    for (const FakeKernel::Place place : there) kernel_.end(place);
    handle();
  }
}

}  // namespace
}  // namespace vslog
