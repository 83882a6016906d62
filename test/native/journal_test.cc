#include "wire/journal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "temp_dir.h"
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

TEST(Journal, IsHeldByOneOnly) {
  TempDir dir;
  Journal j(journal_options(dir));
  EXPECT_THROW(Journal second(journal_options(dir)), InUse);
}

TEST(Journal, AnotherBootIsAnotherEpochAndSaysWhatWasLeft) {
  TempDir dir;
  {
    Journal j(journal_options(dir));
    j.durable("a");
    put(j, 5);
  }
  JournalOptions o = journal_options(dir);
  o.boot_id = "99999999-2222-3333-4444-555555555555";
  Journal j(o);
  EXPECT_FALSE(j.continued());
  EXPECT_EQ(j.abandoned(), 5U);
  EXPECT_EQ(j.next_sequence(), 1U);
  EXPECT_TRUE(j.has_durable());
}

TEST(Journal, ADamagedOneIsKeptAside) {
  for (const long at : {0L, 20L, 100L, 300L, 65'600L}) {
    TempDir dir;
    {
      Journal j(journal_options(dir));
      put(j, 5);
    }
    std::fstream f(dir.file("journal"), std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(at);
    f.write("\xa5\x5a\xa5\x5a\xa5\x5a\xa5\x5a\xa5\x5a\xa5\x5a\xa5\x5a\xa5\x5a", 16);
    f.close();
    Journal j(journal_options(dir));
    // 300 lies in a slot that may be the inactive one.
    if (at == 300 && j.continued()) continue;
    EXPECT_FALSE(j.continued()) << at;
    EXPECT_TRUE(std::filesystem::exists(dir.file("journal.old"))) << at;
  }
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

/// Commits and acknowledges for ever. The cursor is the number of records.
[[noreturn]] void commit_until_killed(const TempDir& dir) {
  Journal j(journal_options(dir));
  const int slot = j.durable("a");
  for (std::uint32_t i = 1;; ++i) {
    const std::uint32_t count = 1 + i % 700;
    if (!j.has_room(count * 100ULL)) j.acknowledge(slot, j.next_sequence() - 1 - i % 50);
    put(j, count, j.next_sequence() - 1 + count);
  }
}

TEST(Journal, SurvivesKillAtAnyInstruction) {
  TempDir dir;
  std::uint64_t last = 0;
  // On a busy machine a child does little before it is killed: more of them, then.
  for (unsigned round = 0; round < 50 || (last <= 1000 && round < 5000); ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(dir);
    usleep(5'000 + round * 7'919 % 20'000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";

    std::optional<Journal> j(std::in_place, journal_options(dir));
    if (round > 0 && last > 0) {
      ASSERT_TRUE(j->continued()) << j->notice();
    }
    ASSERT_EQ(j->mark().cursor, j->next_sequence() - 1) << "cursor and records do not go together";
    ASSERT_GE(j->next_sequence() - 1, last);
    last = j->next_sequence() - 1;
  }
  EXPECT_GT(last, 1000U);
}

}  // namespace
}  // namespace vslog
