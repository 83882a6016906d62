// What a start makes of the journal that is there: of another boot, another size, an earlier version, damaged, half written.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "temp_dir.h"
#include "wire/crc32c.h"
#include "wire/frame.h"
#include "wire/journal.h"
#include "wire/journal_v1.h"
#include "wire/messages.h"

namespace vslog {
namespace {

constexpr std::uint64_t kData = kJournalHeader;
constexpr std::size_t kFirst = offsetof(JournalFile, first);
constexpr std::size_t kSecond = offsetof(JournalFile, second);

JournalOptions of_another_boot(const TempDir& dir) {
  JournalOptions o = journal_options(dir);
  o.boot_id = "99999999-2222-3333-4444-555555555555";
  o.now_ms += 1;
  return o;
}

void flip_bit(const std::string& path, std::uint64_t byte, unsigned bit) {
  std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(static_cast<std::streamoff>(byte));
  const auto was = static_cast<char>(f.get());
  f.seekp(static_cast<std::streamoff>(byte));
  f.put(static_cast<char>(was ^ static_cast<char>(1U << bit)));
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

/// "EPOCH'S FIRST CHARACTER first-last" of each kept batch, as somebody who subscribes gets them.
std::string kept(const Journal& j) {
  std::string out;
  for (std::uint64_t at = j.begin(); at < j.end();) {
    const KeptBatch* const b = j.at(at);
    const auto batch = decode<EventBatch>(j.bytes(at, b->size).substr(kFrameHeaderSize));
    EXPECT_EQ(batch.header.crc32c, crc32c(batch.body));
    EXPECT_EQ(batch.header.epoch, j.epoch_of(*b));
    EXPECT_EQ(j.ordinal(j.epoch_of(*b), b->first_sequence), b->ordinal);
    EXPECT_EQ(j.after(b->ordinal - 1), b);
    out += batch.header.epoch.substr(0, 1) + std::to_string(b->first_sequence) + "-" + std::to_string(b->first_sequence + b->count - 1) + " ";
    at += b->size;
  }
  return out;
}

TEST(JournalRecovery, AnotherBootsRecordsGoOnBeforeTheNewEpoch) {
  TempDir dir;
  std::string before;
  {
    Journal j(journal_options(dir));
    before = j.epoch();
    j.durable("a", 7);
    put(j, 5, 77);
    put(j, 3, 78);
    j.acknowledge(0, 5);
  }
  {
    Journal j(of_another_boot(dir));
    EXPECT_FALSE(j.continued());
    EXPECT_EQ(j.notice(), "");
    EXPECT_EQ(j.next_sequence(), 1U);
    EXPECT_EQ(j.mark().cursor, 0U) << "places in a source of another boot mean nothing";
    EXPECT_EQ(j.previous().epoch, before);
    EXPECT_EQ(j.previous().last, 8U);
    EXPECT_EQ(j.previous().end, EpochEnd::cut);
    put(j, 4, 9);
    EXPECT_EQ(kept(j), "16-8 91-4 ");
    ASSERT_EQ(j.durables().size(), 1U);
    EXPECT_EQ(j.durables()[0].owner, uid_t{7});
    EXPECT_EQ(j.next_ordinal() - 1 - j.acknowledged(0), 7U) << "of both epochs";
  }
  JournalOptions third = of_another_boot(dir);
  third.boot_id[0] = '7';
  Journal j(third);
  put(j, 1);
  EXPECT_EQ(kept(j), "16-8 91-4 71-1 ");
  EXPECT_EQ(j.previous().last, 4U);
  j.acknowledge(0, *j.ordinal(before, 8));
  EXPECT_EQ(kept(j), "91-4 71-1 ");
  j.acknowledge(0, j.next_ordinal() - 1);
  EXPECT_EQ(kept(j), "");
  EXPECT_EQ(j.ordinal(before, 8), 8U) << "who says once more what it has is understood";
}

TEST(JournalRecovery, AnEpochThatEndedByAStopSaysSo) {
  TempDir dir;
  {
    Journal j(journal_options(dir));
    j.durable("a");
    put(j, 5);
    j.commit({}, j.mark(), true);
  }
  {
    const Journal j(of_another_boot(dir));
    EXPECT_EQ(j.previous().end, EpochEnd::stopped);
    EXPECT_EQ(j.previous().last, 5U);
  }
  JournalOptions third = of_another_boot(dir);
  third.boot_id[0] = '7';
  const Journal j(third);
  EXPECT_EQ(j.previous().end, EpochEnd::stopped) << "the boot in between wrote nothing: it is no epoch";
  EXPECT_EQ(j.previous().last, 5U);
  EXPECT_EQ(kept(j), "11-5 ");
}

TEST(JournalRecovery, AStartAfterAStopInTheSameBootTakesTheStopBack) {
  TempDir dir;
  for (const bool stopped : {true, false}) {
    Journal j(journal_options(dir));
    put(j, 5);
    if (stopped) j.commit({}, j.mark(), true);
  }
  EXPECT_EQ(Journal(of_another_boot(dir)).previous().end, EpochEnd::cut);
}

class AnotherSize : public testing::TestWithParam<std::uint64_t> {};

TEST_P(AnotherSize, TakesAlongWhatIsThere) {
  TempDir dir;
  JournalOptions o = journal_options(dir);
  o.size = 4 * Journal::kMinSize;
  {
    Journal j(o);
    j.durable("a", 7);
    while (j.end() < j.capacity() + 1000) {
      put(j, 700, j.next_sequence());
      j.acknowledge(0, j.next_sequence() - 1);
    }
    put(j, 10, 76);
    put(j, 5, 77);
    put(j, 3, 78);
    j.acknowledge(0, j.next_sequence() - 10);
  }
  std::string before;
  {
    const Journal j(o);
    before = kept(j);
  }
  o.size = GetParam();
  Journal j(o);
  EXPECT_TRUE(j.continued()) << "the same epoch";
  EXPECT_EQ(j.notice(), "");
  EXPECT_EQ(std::filesystem::file_size(o.path), o.size);
  EXPECT_EQ(kept(j), before);
  EXPECT_EQ(j.mark().cursor, 78U);
  EXPECT_EQ(j.durables()[0].owner, uid_t{7});
  EXPECT_EQ(j.next_sequence() - 1 - j.acknowledged(0), 9U);
  EXPECT_FALSE(std::filesystem::exists(dir.file("journal.next")));
}

INSTANTIATE_TEST_SUITE_P(Journal, AnotherSize, testing::Values(Journal::kMinSize, 2 * Journal::kMinSize, 8 * Journal::kMinSize));

TEST(JournalRecovery, GetsOnlySoSmallThatWhatItHoldsHasRoom) {
  TempDir dir;
  JournalOptions o = journal_options(dir);
  o.size = 4 * Journal::kMinSize;
  std::string before;
  {
    Journal j(o);
    j.durable("a");
    while (j.used() < 2 * Journal::kMinSize) put(j, 700);
    before = kept(j);
  }
  o.size = Journal::kMinSize;
  {
    Journal j(o);
    EXPECT_TRUE(j.continued());
    EXPECT_EQ(kept(j), before);
    EXPECT_NE(j.notice().find("more than --journal-size has room for"), std::string::npos) << j.notice();
    EXPECT_LT(std::filesystem::file_size(o.path), 4 * Journal::kMinSize);
    EXPECT_TRUE(j.has_room(1000));
    j.acknowledge(0, j.next_sequence() - 1);
  }
  const Journal j(o);
  EXPECT_EQ(std::filesystem::file_size(o.path), Journal::kMinSize);
  EXPECT_EQ(j.notice(), "");
}

TEST(JournalRecovery, AFullOneOfTheSizeThatIsWantedStaysAsItIs) {
  TempDir dir;
  {
    Journal j(journal_options(dir));
    j.durable("a");
    while (j.has_room(30'000)) put(j, 100);
  }
  const Journal j(journal_options(dir));
  EXPECT_TRUE(j.continued());
  EXPECT_EQ(j.notice(), "");
  EXPECT_EQ(std::filesystem::file_size(dir.file("journal")), Journal::kMinSize);
}

/// A journal with something acknowledged, three batches kept and a name; its bytes.
std::string with_three(const TempDir& dir) {
  {
    Journal j(journal_options(dir));
    j.durable("a", 7);
    put(j, 4, 1);
    j.acknowledge(0, 4);
    put(j, 10, 2);
    put(j, 5, 3);
    put(j, 3, 4);
  }
  return content(dir.file("journal"));
}

// A bit of each byte: to a checksum one is like another.
TEST(JournalRecovery, AnyBitOfOneHalfIsInTheOther) {
  TempDir dir;
  const std::string bytes = with_three(dir);
  for (const std::size_t half : {kFirst, kSecond}) {
    for (std::size_t at = 0; at < sizeof(JournalHalf); ++at) {
      flip_bit(dir.file("journal"), half + at, at % 8);
      Journal j(journal_options(dir));
      ASSERT_TRUE(j.continued()) << at;
      ASSERT_EQ(kept(j), "15-14 115-19 120-22 ") << at;
      ASSERT_EQ(j.mark().cursor, 4U);
      ASSERT_EQ(j.durables().size(), 1U) << at;
      ASSERT_EQ(j.durables()[0].name, "a");
      ASSERT_EQ(j.durables()[0].owner, uid_t{7});
      ASSERT_EQ(j.acknowledged(0), 4U) << at;
      ASSERT_EQ(j.notice(), "");
    }
  }
  // And each was mended by the start that found it.
  EXPECT_TRUE(content(dir.file("journal")).substr(0, kData) == bytes.substr(0, kData));
}

TEST(JournalRecovery, AnyBitOfTheHeaderInBothHalvesLosesNoRecordAndNoName) {
  TempDir dir;
  const std::string bytes = with_three(dir);
  for (std::size_t byte = 0; byte < offsetof(Checked<JournalStanding>, pad); ++byte) {
    write(dir.file("journal"), bytes);
    flip_bit(dir.file("journal"), kFirst + byte, byte % 8);
    flip_bit(dir.file("journal"), kSecond + byte, byte % 8);
    {
      Journal j(journal_options(dir));
      ASSERT_FALSE(j.continued()) << byte;
      ASSERT_EQ(kept(j), "15-14 115-19 120-22 ") << byte << ": what was acknowledged is not sent again";
      ASSERT_EQ(j.next_sequence(), 1U);
      ASSERT_EQ(j.previous().epoch, "11111111222233334444555555555555-1790000000000");
      ASSERT_EQ(j.previous().last, 22U);
      ASSERT_EQ(j.previous().end, EpochEnd::damaged) << "whether there was more cannot be known";
      ASSERT_EQ(j.durables().size(), 1U);
      ASSERT_EQ(j.durables()[0].name, "a");
      ASSERT_EQ(j.acknowledged(0), 4U);
      ASSERT_NE(j.notice().find("is damaged: 18 records of it could be read and go on"), std::string::npos) << j.notice();
      put(j, 2);
    }
    const Journal again(journal_options(dir));
    ASSERT_TRUE(again.continued());
    ASSERT_EQ(kept(again), "15-14 115-19 120-22 11-2 ");
    ASSERT_TRUE(std::filesystem::exists(dir.file("journal.old")));
    std::filesystem::remove(dir.file("journal.old"));
  }
}

TEST(JournalRecovery, ADamagedOneIsKeptAsItWasAndNeverWrittenOver) {
  TempDir dir;
  const std::string bytes = with_three(dir);
  for (const char* const name : {"journal.old", "journal.old.1", "journal.old.2"}) {
    write(dir.file("journal"), bytes);
    flip_bit(dir.file("journal"), kFirst, 0);
    flip_bit(dir.file("journal"), kSecond, 0);
    const std::string damaged = content(dir.file("journal"));
    const Journal j(journal_options(dir));
    EXPECT_NE(j.notice().find(dir.file(name)), std::string::npos) << j.notice();
    EXPECT_TRUE(content(dir.file(name)) == damaged);
  }
}

TEST(JournalRecovery, ANameThatCannotBeReadIsToldOf) {
  TempDir dir;
  with_three(dir);
  for (const std::size_t half : {kFirst, kSecond}) {
    flip_bit(dir.file("journal"), half, 0);
    flip_bit(dir.file("journal"), half + offsetof(JournalHalf, durables) + 1, 3);
  }
  const Journal j(journal_options(dir));
  EXPECT_NE(j.notice().find("1 names of durable subscribers could not be read"), std::string::npos) << j.notice();
  EXPECT_EQ(kept(j), "11-4 15-14 115-19 120-22 ") << "nobody knows what it had acknowledged";
}

class DamagedBatch : public testing::TestWithParam<std::tuple<int, bool, const char*>> {};

/// Only what the bit belongs to is gone: whoever reads sees the gap, with its numbers.
TEST_P(DamagedBatch, IsAGapAndNoMore) {
  const auto [which, other_boot, rest] = GetParam();
  TempDir dir;
  std::vector<KeptBatch> batches;
  with_three(dir);
  {
    const Journal j(journal_options(dir));
    for (std::uint64_t at = j.begin(); at < j.end(); at += j.at(at)->size) batches.push_back(*j.at(at));
  }
  const KeptBatch& hit = batches[static_cast<std::size_t>(which)];
  const std::string bytes = content(dir.file("journal"));
  for (const std::uint32_t at : {0U, 5U, static_cast<std::uint32_t>(kFrameHeaderSize), hit.size / 2, hit.size - 1}) {
    write(dir.file("journal"), bytes);
    flip_bit(dir.file("journal"), kData + hit.position + at, 1);
    for (const bool first : {true, false}) {
      Journal j(other_boot ? of_another_boot(dir) : journal_options(dir));
      ASSERT_EQ(kept(j), rest) << at;
      ASSERT_EQ(j.continued(), !other_boot || !first);
      ASSERT_EQ(j.notice().empty(), !first) << j.notice();
      if (other_boot) ASSERT_EQ(j.previous().last, 22U) << "how far it went is known still";
      else ASSERT_EQ(j.next_sequence(), 23U);
      if (other_boot) ASSERT_EQ(j.previous().end, EpochEnd::cut);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Journal, DamagedBatch,
                         testing::Values(std::tuple{0, false, "115-19 120-22 "}, std::tuple{1, false, "15-14 120-22 "}, std::tuple{2, false, "15-14 115-19 "}, std::tuple{0, true, "115-19 120-22 "},
                                         std::tuple{1, true, "15-14 120-22 "}, std::tuple{2, true, "15-14 115-19 "}));

/// What a power cut leaves: pages of different times.
TEST(JournalRecovery, AHeaderThatIsOlderThanTheCircleGoesAsFarAsTheCircle) {
  TempDir dir;
  const std::string older = with_three(dir);
  {
    Journal j(journal_options(dir));
    put(j, 6, 5);
    put(j, 2, 6);
  }
  const std::string newer = content(dir.file("journal"));
  write(dir.file("journal"), older.substr(0, kData) + newer.substr(kData));
  {
    Journal same(journal_options(dir));
    EXPECT_EQ(kept(same), "15-14 115-19 120-22 ") << "in the same boot the header is the truth: a commit that was not finished is made again";
  }
  write(dir.file("journal"), older.substr(0, kData) + newer.substr(kData));
  const Journal j(of_another_boot(dir));
  EXPECT_EQ(kept(j), "15-14 115-19 120-22 123-28 129-30 ");
  EXPECT_EQ(j.previous().last, 30U);
  EXPECT_EQ(j.notice(), "");
}

TEST(JournalRecovery, AHeaderThatIsNewerThanTheCircleGoesAsFarAsTheCircle) {
  TempDir dir;
  const std::string older = with_three(dir);
  {
    Journal j(journal_options(dir));
    put(j, 6, 5);
    put(j, 2, 6);
  }
  write(dir.file("journal"), content(dir.file("journal")).substr(0, kData) + older.substr(kData));
  const Journal j(of_another_boot(dir));
  EXPECT_EQ(kept(j), "15-14 115-19 120-22 ");
  EXPECT_EQ(j.previous().last, 30U) << "8 are missing, which whoever has the 22 sees";
}

TEST(JournalRecovery, AfterAPowerCutRecordsOfTheNextRoundOfTheCircleAreFound) {
  TempDir dir;
  std::string header;
  std::string newest;
  {
    Journal j(journal_options(dir));
    j.durable("a");
    while (j.capacity() - j.end() % j.capacity() > 40'000) {
      put(j, 100);
      j.acknowledge(0, j.next_sequence() - 1);
    }
    put(j, 100);
    header = content(dir.file("journal")).substr(0, kData);
    j.acknowledge(0, j.next_sequence() - 1);
    for (int i = 0; i < 30; ++i) put(j, 300);
    newest = kept(j);
  }
  write(dir.file("journal"), header + content(dir.file("journal")).substr(kData));
  const Journal j(of_another_boot(dir));
  const std::string found = kept(j);
  EXPECT_TRUE(found.ends_with(newest)) << found;
}

TEST(JournalRecovery, AnEarlierVersionsGoesOnInItsPlace) {
  TempDir dir;
  with_three(dir);
  std::string bytes = content(dir.file("journal"));
  JournalHalf half{};
  std::memcpy(&half, bytes.data() + kFirst, sizeof half);
  const JournalStanding& s = half.standing.value;
  JournalFileV1 old{};
  std::memcpy(old.magic, kJournalMagic, sizeof old.magic);
  old.version = 1;
  old.size = s.size;
  std::memcpy(old.boot_id, s.boot_id, sizeof old.boot_id);
  std::memcpy(old.epoch, s.epoch, sizeof old.epoch);
  old.crc = crc32c(&old.size, sizeof old.size + sizeof old.boot_id + sizeof old.epoch);
  old.slots[1] = {s.begin, s.end, 5, s.next_sequence, s.cursor, 0, 0, 0, 0, {}, 0, 0};
  old.slots[1].reported[2] = 6;
  old.slots[1].crc = crc32c(&old.slots[1], offsetof(JournalFileV1::Slot, crc));
  old.active = 1;
  std::memcpy(old.durables[0].name, "a", 1);
  old.durables[0].acknowledged = 4;
  old.durables[0].used = 1;
  old.keepers[0] = {1, 7, 55};
  old.unlogged = {9, 1, 2};
  bytes.replace(0, kData, kData, '\0');
  bytes.replace(0, sizeof old, reinterpret_cast<const char*>(&old), sizeof old);
  write(dir.file("journal"), bytes);
  for (int start = 0; start < 2; ++start) {
    const Journal j(journal_options(dir));
    ASSERT_TRUE(j.continued()) << j.notice();
    EXPECT_EQ(j.epoch(), s.epoch);
    EXPECT_EQ(kept(j), "15-14 115-19 120-22 ");
    EXPECT_EQ(j.mark().cursor, 4U);
    EXPECT_EQ(j.mark().reported[2], 6U);
    EXPECT_EQ(j.unlogged().records, 9U);
    ASSERT_EQ(j.durables().size(), 1U);
    EXPECT_EQ(j.durables()[0].acknowledged, 4U);
    EXPECT_EQ(j.durables()[0].owner, uid_t{7});
    EXPECT_EQ(j.durables()[0].away_since_ns, 55U);
  }
}

TEST(JournalRecovery, AFileOfAnythingIsKeptAndTold) {
  TempDir dir;
  for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{200'000}, std::size_t{1} << 20}) {
    write(dir.file("journal"), std::string(size, 'x'));
    const Journal j(journal_options(dir));
    EXPECT_FALSE(j.continued());
    EXPECT_EQ(j.previous().end, EpochEnd::damaged);
    EXPECT_EQ(j.previous().epoch, "");
    EXPECT_NE(j.notice().find("is damaged: 0 records"), std::string::npos) << j.notice();
    EXPECT_EQ(j.next_sequence(), 1U);
  }
  EXPECT_TRUE(std::filesystem::exists(dir.file("journal.old.3")));
}

TEST(JournalRecovery, OfAFileThatWasCutTheRestGoesOn) {
  TempDir dir;
  const std::string bytes = with_three(dir);
  write(dir.file("journal"), bytes.substr(0, 3 * kData + 17));
  const Journal j(journal_options(dir));
  EXPECT_TRUE(j.continued()) << j.notice();
  EXPECT_EQ(kept(j), "15-14 115-19 120-22 ");
  EXPECT_EQ(std::filesystem::file_size(dir.file("journal")), Journal::kMinSize);
}

TEST(JournalRecovery, AFileThatWasMadeAndNeverWrittenIsNoDamage) {
  TempDir dir;
  write(dir.file("journal"), std::string(Journal::kMinSize, '\0'));
  const Journal j(journal_options(dir));
  EXPECT_EQ(j.notice(), "");
  EXPECT_EQ(j.previous().end, EpochEnd::none);
}

TEST(JournalRecovery, ANextOneThatWasNeverFinishedCountsForNothing) {
  TempDir dir;
  with_three(dir);
  write(dir.file("journal.next"), "half of it");
  JournalOptions o = journal_options(dir);
  o.size *= 2;
  const Journal j(o);
  EXPECT_EQ(kept(j), "15-14 115-19 120-22 ");
  EXPECT_FALSE(std::filesystem::exists(dir.file("journal.next")));
}

}  // namespace
}  // namespace vslog
