#include "wire/filter.h"

#include <gtest/gtest.h>

#include "wire/batch.h"
#include "wire/frame.h"

namespace vslog {
namespace {

/// The frame of a batch with `count` connection events, creates and ends in turn, from sequence 1.
std::string frame_of(int count) {
  BatchBuilder b("n", "e", 1);
  for (int i = 0; i < count; ++i) {
    ConnRecord r;
    r.kind = i % 2 == 0 ? EventKind::create : EventKind::expire;
    b.add(r);
  }
  return std::string(b.finish().at(0).frame);
}

FilteredBatch filtered(const std::string& frame, const GroupFilter& groups) { return filter_batch(decode<EventBatch>(std::string_view(frame).substr(kFrameHeaderSize)), groups, EventFilter()); }

TEST(Filter, KeepsTheWantedEventsAndTheirSequences) {
  const FilteredBatch f = filtered(frame_of(10), GroupFilter({Group::conn_expire}));
  EXPECT_EQ(f.count, 5U);
  EXPECT_EQ(f.first_sequence, 2U);
  EXPECT_EQ(f.last_sequence, 10U);
}

TEST(Filter, LeavesNothingOfABatchThatIsNotWanted) {
  const FilteredBatch f = filtered(frame_of(10), GroupFilter({Group::conn_state}));
  EXPECT_EQ(f.count, 0U);
  EXPECT_EQ(f.body, "");
}

TEST(Filter, NoGroupMeansEveryGroup) {
  EXPECT_TRUE(GroupFilter().all());
  EXPECT_TRUE(GroupFilter(std::vector<Group>{}).all());
  EXPECT_FALSE(GroupFilter({Group::conn_expire}).all());
}

}  // namespace
}  // namespace vslog
