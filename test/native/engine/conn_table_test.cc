// The table against a map, while it grows and shrinks.
#include "engine/conn_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

namespace vslog::engine {
namespace {

using Key = std::tuple<std::uint8_t, std::uint8_t, std::uint16_t>;

Address client(std::uint8_t last) {
  const std::uint8_t bytes[4] = {10, 0, 0, last};
  return map_ipv4(bytes);
}

std::uint32_t find(const ConnTable& table, const Key& key) {
  return table.find(std::get<0>(key), client(std::get<1>(key)), std::get<2>(key), [](const Conn&) { return true; });
}

std::uint32_t add(ConnTable& table, const Key& key, std::uint64_t id) {
  const std::uint32_t index = table.allocate(id);
  if (index == kNone) return index;
  Conn& c = table.at(index);
  c.protocol = std::get<0>(key);
  c.client = client(std::get<1>(key));
  c.client_port = std::get<2>(key);
  table.hash(index);
  return index;
}

TEST(ConnTable, FindsWhatIsInItAndNothingElse) {
  ConnTable table(1 << 20, 2, 99);
  std::mt19937 random(3);
  std::map<Key, std::uint32_t> model;
  std::uint64_t id = 0;
  std::uint32_t most = 0;
  for (int i = 0; i < 60'000; ++i) {
    const Key key{random() % 2 == 0 ? kTcp : kUdp, static_cast<std::uint8_t>(random() % 64), static_cast<std::uint16_t>(random() % 256)};
    const auto known = model.find(key);
    ASSERT_EQ(find(table, key), known == model.end() ? kNone : known->second);
    // More are added than removed in the first half, and the other way round in the second.
    const bool grow = random() % 10 < (i < 30'000 ? 7U : 3U);
    if (known == model.end() && grow) {
      model[key] = add(table, key, ++id);
    } else if (known != model.end() && !grow) {
      table.unhash(known->second);
      table.unhash(known->second);
      table.release(known->second);
      model.erase(known);
    }
    ASSERT_EQ(table.size(), model.size());
    most = std::max(most, table.size());
  }
  EXPECT_GT(most, 1000U);
  EXPECT_GT(table.buckets(), 256U) << "it grew";
  for (const auto& [key, index] : model) ASSERT_EQ(find(table, key), index);
}

TEST(ConnTable, EveryEntryIsInOneBucket) {
  ConnTable table(10'000, 2, 5);
  std::map<std::uint32_t, int> seen;
  for (std::uint16_t port = 0; port < 5000; ++port) add(table, {kTcp, 1, port}, port + 1U);
  for (std::uint32_t bucket = 0; bucket < table.buckets(); ++bucket) table.each_in(bucket, [&seen](std::uint32_t index) { ++seen[index]; });
  EXPECT_EQ(seen.size(), 5000U);
  for (const auto& [index, times] : seen) ASSERT_EQ(times, 1) << index;
}

TEST(ConnTable, HasNoRoomBeyondItsMost) {
  ConnTable table(3, 2, 1);
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_NE(table.allocate(id), kNone);
  EXPECT_EQ(table.allocate(4), kNone);
  table.release(1);
  EXPECT_EQ(table.allocate(5), 1U) << "the place that became free";
  EXPECT_EQ(table.at(1).id, 5U);
  EXPECT_EQ(table.high(), 3U);
}

TEST(ConnTable, ChoosesAmongThoseOfOneClient) {
  ConnTable table(10, 2, 1);
  const Key key{kTcp, 1, 40'000};
  const std::uint32_t one = add(table, key, 1);
  const std::uint32_t two = add(table, key, 2);
  EXPECT_EQ(table.find(kTcp, client(1), 40'000, [](const Conn& c) { return c.id == 2; }), two);
  table.unhash(two);
  EXPECT_EQ(table.find(kTcp, client(1), 40'000, [](const Conn& c) { return c.id == 2; }), kNone);
  EXPECT_EQ(find(table, key), one);
}

}  // namespace
}  // namespace vslog::engine
