#include "wire/journal_sync.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "patience.h"
#include "temp_dir.h"

namespace vslog {
namespace {

/// A file of its own, open.
class JournalSyncTest : public testing::Test {
 protected:
  TempDir dir_;
  UniqueFd fd_{open(dir_.file("journal").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
};

TEST_F(JournalSyncTest, IsDoneAtEachCommitWhereThatIsWanted) {
  JournalSync sync(fd_.get(), JournalFsync::commit, 1000, [] { FAIL() << "there is no thread"; });
  sync.committed();
  EXPECT_EQ(sync.syncs(), 1U);
  sync.committed();
  sync.finish();
  EXPECT_EQ(sync.syncs(), 3U);
  EXPECT_EQ(sync.trouble(), "");
}

TEST_F(JournalSyncTest, IsNeverDoneWhereNobodyWantsIt) {
  JournalSync sync(fd_.get(), JournalFsync::none, 1000, [] { FAIL() << "there is no thread"; });
  sync.committed();
  sync.finish();
  EXPECT_EQ(sync.syncs(), 0U);
}

TEST_F(JournalSyncTest, IsDoneBehindTheBackOfWhoeverCommits) {
  JournalSync sync(fd_.get(), JournalFsync::interval, 10, [] {});
  sync.committed();
  EXPECT_TRUE(test::eventually([&] { return sync.syncs() > 0; }));
}

TEST_F(JournalSyncTest, GivesUpItsRightsInItsThreadBeforeAnybodyGoesOn) {
  std::thread::id where;
  JournalSync sync(fd_.get(), JournalFsync::interval, 10, [&] { where = std::this_thread::get_id(); });
  EXPECT_NE(where, std::thread::id());
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST_F(JournalSyncTest, DoesNotBeginWithRightsThatItCannotGiveUp) {
  EXPECT_THROW(JournalSync(fd_.get(), JournalFsync::interval, 10, [] { throw std::runtime_error("not permitted"); }), std::runtime_error);
}

TEST_F(JournalSyncTest, SaysOnceThatItCannotBeDoneAndOnceThatItCan) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  const UniqueFd in(ends[1]);
  JournalSync sync(in.get(), JournalFsync::commit, 1000, [] {});
  sync.committed();
  EXPECT_NE(sync.trouble().find("the journal cannot be made durable: Invalid argument"), std::string::npos);
  EXPECT_EQ(sync.trouble(), "");
}

}  // namespace
}  // namespace vslog
