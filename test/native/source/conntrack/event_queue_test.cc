#include "source/conntrack/event_queue.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "patience.h"

namespace vslog {
namespace {

std::vector<std::byte> pattern(std::uint32_t seed, std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(seed + i * 7);
  return out;
}

bool readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

TEST(EventQueue, GivesBackWhatWasPutInOrder) {
  std::mt19937 random(2);
  EventQueue queue(4096);
  std::deque<std::pair<std::uint64_t, std::vector<std::byte>>> model;
  std::uint64_t number = 0;
  int refused = 0;
  for (int i = 0; i < 50'000; ++i) {
    if (random() % 2 == 0) {
      const std::vector<std::byte> bytes = pattern(static_cast<std::uint32_t>(number), random() % 700);
      if (queue.put(EventQueue::Kind::message, number, bytes)) model.emplace_back(number++, bytes);
      else ++refused;
      queue.publish();
      continue;
    }
    EventQueue::Item item;
    ASSERT_EQ(queue.next(item), !model.empty());
    if (model.empty()) continue;
    ASSERT_EQ(item.kind, EventQueue::Kind::message);
    ASSERT_EQ(item.time_ns, model.front().first);
    ASSERT_TRUE(std::equal(item.bytes.begin(), item.bytes.end(), model.front().second.begin(), model.front().second.end()));
    model.pop_front();
  }
  EXPECT_GT(refused, 0);
}

TEST(EventQueue, ShowsNothingBeforeItIsPublished) {
  EventQueue queue(4096);
  EventQueue::Item item;
  ASSERT_FALSE(queue.next(item));
  ASSERT_TRUE(queue.put(EventQueue::Kind::barrier, 1, {}));
  EXPECT_FALSE(queue.next(item));
  EXPECT_FALSE(readable(queue.fd()));
  queue.publish();
  EXPECT_TRUE(readable(queue.fd()));
  ASSERT_TRUE(queue.next(item));
  EXPECT_EQ(item.kind, EventQueue::Kind::barrier);
  EXPECT_TRUE(item.bytes.empty());
}

TEST(EventQueue, LosesNothingBetweenTwoThreads) {
  constexpr std::uint32_t kItems = 200'000;
  EventQueue queue(64 << 10);
  std::thread writer([&] {
    std::mt19937 random(9);
    for (std::uint32_t n = 0; n < kItems; ++n) {
      const std::vector<std::byte> bytes = pattern(n, 20 + random() % 300);
      while (!queue.put(EventQueue::Kind::message, n, bytes)) {
        queue.publish();
        std::this_thread::yield();
      }
      if (random() % 16 == 0) queue.publish();
    }
    queue.publish();
  });
  std::uint32_t expected = 0;
  bool good = true;
  while (expected < kItems) {
    EventQueue::Item item;
    while (queue.next(item)) {
      good = good && item.time_ns == expected && std::equal(item.bytes.begin(), item.bytes.end(), pattern(expected, item.bytes.size()).begin());
      ++expected;
    }
    if (expected == kItems) break;
    // Woken whenever there is something.
    pollfd p{queue.fd(), POLLIN, 0};
    if (poll(&p, 1, static_cast<int>(test::longest_wait().count())) != 1) break;
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(queue.fd(), &count, sizeof count);
  }
  writer.join();
  EXPECT_TRUE(good);
  EXPECT_EQ(expected, kItems);
}

}  // namespace
}  // namespace vslog
