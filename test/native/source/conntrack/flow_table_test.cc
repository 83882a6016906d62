#include "source/conntrack/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <tuple>

#include "message_builder.h"

namespace vslog {
namespace {

FlowKey key(std::uint32_t n) {
  FlowKey k;
  k.source = testing::v4(static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8));
  k.destination = testing::v4(1);
  k.id = n >> 16;
  k.source_port = static_cast<std::uint16_t>(n);
  k.protocol = 6;
  k.family = 4;
  return k;
}

TEST(FlowTable, DoesAsAMapDoes) {
  std::mt19937 random(1);
  FlowTable table(1 << 20);
  std::map<std::uint32_t, std::uint64_t> model;
  for (int i = 0; i < 200'000; ++i) {
    const std::uint32_t n = random() % 20'000;
    const FlowKey k = key(n);
    table.fetch_slot(k);
    table.fetch_entry(k);
    KnownFlow* const found = table.find(k);
    ASSERT_EQ(found != nullptr, model.contains(n));
    if (found != nullptr) {
      ASSERT_EQ(found->conn_id, model[n]);
      ASSERT_EQ(found->key, k);
    }
    switch (random() % 3) {
      case 0:
        if (found == nullptr) {
          KnownFlow* const added = table.add(k);
          ASSERT_NE(added, nullptr);
          model[n] = added->conn_id = random();
        }
        break;
      case 1: ASSERT_EQ(table.remove(k), model.erase(n) == 1); break;
      default:
        if (found != nullptr) {
          table.remove(*found);
          model.erase(n);
        }
    }
    ASSERT_EQ(table.size(), model.size());
  }
  std::size_t used = 0;
  for (std::uint32_t place = 0; place < table.places(); ++place) used += table.at(place).used ? 1 : 0;
  EXPECT_EQ(used, model.size());
}

TEST(FlowTable, KeepsEntriesWhereTheyAreWhileItGrows) {
  FlowTable table(1 << 20);
  std::vector<KnownFlow*> entries;
  for (std::uint32_t n = 0; n < 100'000; ++n) entries.push_back(table.add(key(n)));
  for (std::uint32_t n = 0; n < entries.size(); ++n) ASSERT_EQ(table.find(key(n)), entries[n]);
}

TEST(FlowTable, TakesNoMoreThanItMay) {
  FlowTable table(3);
  for (std::uint32_t n = 0; n < 3; ++n) ASSERT_NE(table.add(key(n)), nullptr);
  EXPECT_EQ(table.add(key(3)), nullptr);
  EXPECT_TRUE(table.remove(key(1)));
  EXPECT_NE(table.add(key(3)), nullptr);
  EXPECT_EQ(table.find(key(1)), nullptr);
  EXPECT_NE(table.find(key(0)), nullptr);
}

TEST(FlowTable, TellsKeysApartByEveryField) {
  FlowKey base = key(1);
  std::vector<FlowKey> keys(9, base);
  keys[1].id = 2;
  keys[2].source_port = 7;
  keys[3].destination_port = 7;
  keys[4].zone = 1;
  keys[5].protocol = 17;
  keys[6].family = 6;
  keys[7].source[15] = 99;
  keys[8].destination[15] = 99;
  FlowTable table(100);
  std::set<std::uint32_t> hashes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(table.find(keys[i]), nullptr) << i;
    table.add(keys[i])->conn_id = i;
    hashes.insert(static_cast<std::uint32_t>(print_of(keys[i])));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(table.find(keys[i])->conn_id, i);
  EXPECT_EQ(hashes.size(), keys.size());
}

}  // namespace
}  // namespace vslog
