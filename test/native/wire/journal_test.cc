#include "wire/journal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <new>
#include <optional>

#include "patience.h"
#include "temp_dir.h"
#include "wire/crc32c.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace vslog {
namespace {

TEST(Journal, GoesOnWhereItStood) {
  TempDir dir;
  std::string epoch;
  {
    Journal j(journal_options(dir));
    EXPECT_FALSE(j.continued());
    epoch = j.epoch();
    EXPECT_EQ(epoch, "11111111222233334444555555555555-1790000000000");
    j.durable("a");
    put(j, 5, 77);
    put(j, 3, 78);
  }
  Journal j(journal_options(dir));
  EXPECT_TRUE(j.continued());
  EXPECT_EQ(j.epoch(), epoch);
  EXPECT_EQ(j.next_sequence(), 9U);
  EXPECT_EQ(j.first_sequence(), 1U);
  EXPECT_EQ(j.mark().cursor, 78U);
  ASSERT_EQ(j.durables().size(), 1U);
  EXPECT_EQ(j.durables()[0].name, "a");
}

TEST(Journal, GivesAwayWhatIsRootsOrNobodysAlone) {
  TempDir dir;
  Journal j(journal_options(dir));
  j.durable("roots", 0);
  j.durable("nobodys");
  j.durable("somebodys", 7);
  EXPECT_TRUE(j.give("roots", 990));
  EXPECT_TRUE(j.give("nobodys", 991));
  EXPECT_FALSE(j.give("somebodys", 992));
  EXPECT_FALSE(j.give("not there", 993));
  ASSERT_EQ(j.durables().size(), 3U);
  EXPECT_EQ(j.durables()[0].owner, 990U);
  EXPECT_EQ(j.durables()[1].owner, 991U);
  EXPECT_EQ(j.durables()[2].owner, 7U);
}

TEST(Journal, RemembersWhoseASubscriptionIsAndSinceWhenItIsAway) {
  TempDir dir;
  {
    Journal j(journal_options(dir));
    j.set_away_since(j.durable("a", 7), 55);
    EXPECT_EQ(j.durable("a", 8), j.durable("a")) << "whose it is does not change";
    j.durable("b");
    put(j, 5);
  }
  const auto look = [](const Journal& j) {
    ASSERT_EQ(j.durables().size(), 2U);
    EXPECT_EQ(j.durables()[0].owner, uid_t{7});
    EXPECT_EQ(j.durables()[1].owner, std::nullopt);
  };
  {
    Journal j(journal_options(dir));
    look(j);
    EXPECT_EQ(j.durables()[0].away_since_ns, 55U);
  }
  JournalOptions o = journal_options(dir);
  o.boot_id = "99999999-2222-3333-4444-555555555555";
  Journal j(o);
  look(j);
  EXPECT_EQ(j.durable("b", 9), 1);
  EXPECT_EQ(j.durables()[1].owner, uid_t{9}) << "the next one that subscribes owns what nobody owned";
}

TEST(Journal, AForgottenNameIsNobodysForTheNext) {
  TempDir dir;
  Journal j(journal_options(dir));
  j.set_away_since(j.durable("a", 7), 55);
  j.forget("a");
  j.durable("b");
  EXPECT_EQ(j.durables()[0].owner, std::nullopt);
  EXPECT_EQ(j.durables()[0].away_since_ns, 0U);
}

TEST(Journal, CountsWhatItHadNoRoomForAlsoOverAKill) {
  TempDir dir;
  const auto reported = static_cast<std::size_t>(LossPlace::journal);
  {
    Journal j(journal_options(dir));
    j.count_unlogged(10, 100, 200);
    j.count_unlogged(5, 300, 400);
  }
  Journal j(journal_options(dir));
  EXPECT_EQ(j.unlogged().records, 15U);
  EXPECT_EQ(j.unlogged().first_ns, 100U);
  EXPECT_EQ(j.unlogged().last_ns, 400U);
  // A loss record tells of them, and is committed together with the mark that says so.
  JournalMark mark = j.mark();
  mark.reported[reported] = 15;
  BatchBuilder b("node", j.epoch(), j.next_sequence());
  ControlRecord loss;
  loss.kind = ControlKind::loss;
  b.add(loss);
  j.commit(b.finish(), mark);
  j.count_unlogged(1, 500, 600);
  EXPECT_EQ(j.unlogged().records, 16U);
  EXPECT_EQ(j.unlogged().first_ns, 500U) << "times are of what was not told of yet";
  EXPECT_EQ(j.mark().reported[reported], 15U);
}

TEST(Journal, IsHeldByOneOnly) {
  TempDir dir;
  Journal j(journal_options(dir));
  EXPECT_THROW(Journal second(journal_options(dir)), InUse);
}

TEST(Journal, OverwritesTheOldestUntilSomebodyIsKnownAndCounts) {
  TempDir dir;
  Journal j(journal_options(dir));
  while (j.overwritten() == 0) put(j, 1000);
  EXPECT_EQ(j.overwritten(), j.first_sequence() - 1);
  EXPECT_EQ(j.overwritten_first_ns(), 1U);
  EXPECT_EQ(j.overwritten_last_ns(), j.overwritten());
  j.durable("a");
  const std::uint64_t lost = j.overwritten();
  EXPECT_FALSE(j.has_room(j.capacity() / 2));
  j.acknowledge(0, j.next_sequence() - 1);
  EXPECT_EQ(j.used(), 0U);
  EXPECT_TRUE(j.has_room(j.capacity() / 2));
  EXPECT_EQ(j.overwritten(), lost);
}

TEST(Journal, TheSlowestHoldsTheFloor) {
  TempDir dir;
  Journal j(journal_options(dir));
  const int a = j.durable("a");
  const int b = j.durable("b");
  for (int i = 0; i < 4; ++i) put(j, 10);
  j.acknowledge(a, 40);
  EXPECT_EQ(j.first_sequence(), 1U);
  j.acknowledge(b, 15);
  EXPECT_EQ(j.first_sequence(), 11U);
  EXPECT_TRUE(j.forget("b"));
  EXPECT_EQ(j.first_sequence(), 41U);
}

TEST(Journal, LetsGoOfABatchWithItsLastRecordAndNotBefore) {
  TempDir dir;
  Journal j(journal_options(dir));
  const int slot = j.durable("a");
  put(j, 10);
  put(j, 10);
  j.acknowledge(slot, 9);
  EXPECT_EQ(j.acknowledged(slot), 9U);
  EXPECT_EQ(j.first_sequence(), 1U);
  j.acknowledge(slot, 10);
  EXPECT_EQ(j.acknowledged(slot), 10U);
  EXPECT_EQ(j.first_sequence(), 11U);
  j.acknowledge(slot, 3);
  EXPECT_EQ(j.acknowledged(slot), 10U) << "an acknowledgement is not taken back";
}

TEST(Journal, WhatWasAcknowledgedIsRemembered) {
  TempDir dir;
  {
    Journal j(journal_options(dir));
    put(j, 10);
    j.acknowledge(j.durable("a"), 4);
    j.acknowledge(j.durable("b"), 10);
  }
  const Journal j(journal_options(dir));
  EXPECT_TRUE(j.continued()) << j.notice();
  ASSERT_EQ(j.durables().size(), 2U);
  EXPECT_EQ(j.durables()[0].acknowledged, 4U);
  EXPECT_EQ(j.durables()[1].acknowledged, 10U);
}

TEST(Journal, ASubscriberBeginsWithTheOldestThatIsKept) {
  TempDir dir;
  Journal j(journal_options(dir));
  while (j.overwritten() == 0) put(j, 1000);
  const int slot = j.durable("a");
  EXPECT_EQ(j.acknowledged(slot), j.overwritten());
}

TEST(Journal, HasSlotsForSoManySubscribers) {
  TempDir dir;
  Journal j(journal_options(dir));
  for (std::size_t i = 0; i < Journal::kMaxDurable; ++i) EXPECT_GE(j.durable("name" + std::to_string(i)), 0);
  EXPECT_EQ(j.durable("one more"), -1);
  EXPECT_EQ(j.durable("name3"), 3) << "one that is there already keeps its slot";
  EXPECT_TRUE(j.forget("name3"));
  EXPECT_FALSE(j.forget("name3"));
  EXPECT_EQ(j.durable("one more"), 3);
}

TEST(Journal, KeepsAReserveForUrgentRecords) {
  TempDir dir;
  Journal j(journal_options(dir));
  j.durable("a");
  const std::uint64_t left = j.capacity() - j.used();
  EXPECT_TRUE(j.has_room(left - Journal::kReserve));
  EXPECT_FALSE(j.has_room(left - Journal::kReserve + 1));
  EXPECT_TRUE(j.has_room(left, true));
  EXPECT_FALSE(j.has_room(left + 1, true));
}

TEST(Journal, FindsABatchBySequenceAndByPlace) {
  TempDir dir;
  Journal j(journal_options(dir));
  put(j, 10);
  const std::uint64_t second = j.end();
  put(j, 5);
  ASSERT_NE(j.after(9), nullptr);
  EXPECT_EQ(j.after(9)->first_sequence, 1U);
  ASSERT_NE(j.after(10), nullptr);
  EXPECT_EQ(j.after(10)->first_sequence, 11U);
  EXPECT_EQ(j.after(15), nullptr);
  ASSERT_NE(j.at(second), nullptr);
  EXPECT_EQ(j.at(second)->count, 5U);
  EXPECT_EQ(j.at(j.end()), nullptr);
}

TEST(Journal, ABatchIsInOnePieceAlsoWhereTheFileEnds) {
  TempDir dir;
  Journal j(journal_options(dir));
  const int slot = j.durable("a");
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t at = j.end();
    put(j, 700);
    const auto batch = decode<EventBatch>(j.bytes(at, j.end() - at).substr(kFrameHeaderSize));
    ASSERT_EQ(batch.header.count, 700U);
    ASSERT_EQ(batch.header.crc32c, crc32c(batch.body));
    j.acknowledge(slot, j.next_sequence() - 1);
  }
  EXPECT_GT(j.end(), 2 * j.capacity());
}

TEST(Journal, TheMarkGoesWithItsBatch) {
  TempDir dir;
  {
    Journal j(journal_options(dir));
    JournalMark mark;
    mark.cursor = 7;
    mark.reported[3] = 9;
    j.commit({}, mark);
  }
  const Journal j(journal_options(dir));
  EXPECT_TRUE(j.continued());
  EXPECT_EQ(j.mark().cursor, 7U);
  EXPECT_EQ(j.mark().reported[3], 9U);
}

TEST(Journal, SaysWhyAPathCannotBeAJournal) {
  TempDir dir;
  JournalOptions o = journal_options(dir);
  o.path = dir.file("");
  EXPECT_THROW(Journal j(o), SetupError);
  std::filesystem::create_symlink(dir.file("elsewhere"), dir.file("link"));
  o.path = dir.file("link");
  EXPECT_THROW(Journal j(o), SetupError) << "a link is not followed";
  EXPECT_FALSE(std::filesystem::exists(dir.file("elsewhere")));
}

/// Commits and acknowledges for ever, and counts the commits. The cursor is the number of records.
[[noreturn]] void commit_until_killed(const TempDir& dir, std::atomic<std::uint32_t>& commits) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Journal j(journal_options(dir));
  const int slot = j.durable("a");
  for (std::uint32_t i = 1;; ++i) {
    const std::uint32_t count = 1 + i % 700;
    if (!j.has_room(count * 100ULL)) j.acknowledge(slot, j.next_sequence() - 1 - i % 50);
    put(j, count, j.next_sequence() - 1 + count);
    ++commits;
  }
}

TEST(Journal, SurvivesKillAtAnyInstruction) {
  TempDir dir;
  std::uint64_t last = 0;
  void* const shared = mmap(nullptr, sizeof(std::atomic<std::uint32_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& commits = *new (shared) std::atomic<std::uint32_t>(0);
  for (unsigned round = 0; round < 50; ++round) {
    commits = 0;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(dir, commits);
    // After another number of commits each time, and somewhere in the one that runs then.
    const bool committed = test::eventually([&] { return commits > round * 7 % 20; });
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
    ASSERT_TRUE(committed);

    std::optional<Journal> j(std::in_place, journal_options(dir));
    if (round > 0 && last > 0) {
      ASSERT_TRUE(j->continued()) << j->notice();
    }
    ASSERT_EQ(j->mark().cursor, j->next_sequence() - 1) << "cursor and records do not go together";
    ASSERT_GE(j->next_sequence() - 1, last);
    last = j->next_sequence() - 1;
  }
  EXPECT_GT(last, 1000U);
  munmap(shared, sizeof commits);
}

}  // namespace
}  // namespace vslog
