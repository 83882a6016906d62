import { describe, expect, it } from 'vitest';
import { waitsIn } from './waits.js';

/** Lines that the rule finds. */
const linesOf = (path: string, text: string): number[] => waitsIn(path, text).map(({ line }) => line);

describe('the rule in C++', () => {
  it.each([
    ['std::this_thread::sleep_for(delay);'],
    ["usleep(20'000);"],
    ['sleep(1);'],
    ['poll(nullptr, 0, 5);'],
    ['ASSERT_EQ(poll(&fd, 1, 5000), 1);'],
    ['ASSERT_TRUE(done.wait_for(lock, std::chrono::seconds(5)));'],
    ['ASSERT_TRUE(eventually([&] { return got; }, std::chrono::seconds(60)));'],
    ['const auto end = std::chrono::steady_clock::now() + 20s;'],
    ["const auto end = Clock::now() + std::chrono::milliseconds(20'000);"],
    ['bool eventually(Condition so, std::chrono::seconds bound = std::chrono::seconds(20)) {'],
    ['alarm(10);'],
    ['constexpr std::chrono::seconds kPatience{120};'],
    ['constexpr std::chrono::milliseconds kLimit(120);'],
    ['constexpr auto kLongestWait = 120s;'],
    ['constexpr seconds kPatience{120};'],
    ['constexpr timeval kPatienceForEcho{120, 0};'],
    ['const timeval limit{.tv_sec = 0, .tv_usec = 500};'],
    ['setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &some, sizeof some);'],
    ['ASSERT_EQ(setsockopt(fd, SOL_SOCKET,\n    SO_SNDTIMEO, &some, sizeof some), 0);'],
    ['select(0, nullptr, nullptr, nullptr, &some);'],
    ['EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);'],
    ['ASSERT_LE(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count(), 500);'],
    ['EXPECT_GT(std::chrono::seconds(5), Clock::now() - began);'],
    ['EXPECT_LT(clock_ns(CLOCK_MONOTONIC) - began, 5);'],
    ['EXPECT_TRUE(Clock::now() - began < std::chrono::seconds(2));'],
    ['ASSERT_TRUE(done.wait_for(lock,\n                         std::chrono::seconds(5)));'],
    ['ASSERT_TRUE(eventually(\n    [&] {\n      return got;\n    },\n    std::chrono::seconds(60)));'],
    ['ASSERT_EQ(poll(&fd,\n    1,\n    5000), 1);'],
    ['watch(std::chrono::steady_clock::now() +\n      20s);'],
  ])('refuses %s', (text) => {
    expect(linesOf('native/x_test.cc', `int one;\n${text}\n`)).toEqual([2]);
  });

  it.each([
    ['constexpr std::chrono::seconds kSome{5};\nASSERT_TRUE(done.wait_for(lock, kSome));'],
    ['constexpr std::chrono::seconds kSome{5};\nconst auto end = Clock::now() + kSome;'],
    ["constexpr int kSomeMs = 5'000;\nASSERT_EQ(poll(&fd, 1, kSomeMs), 1);"],
    ['const auto took = Clock::now() - began;\nEXPECT_LT(took, 2s);'],
    ['const auto took = Clock::now() - began;\nEXPECT_LT(took.count(), 500);'],
    ['const auto took = std::chrono::duration_cast<Ms>(Clock::now() - began).count();\nif (took > 500) FAIL();'],
  ])('refuses what has a name: %s', (text) => {
    expect(linesOf('native/x_test.cc', text)).toEqual([2]);
  });

  it.each([
    ['ASSERT_TRUE(eventually([&] { return got; }));'],
    ['ASSERT_TRUE(eventually([&] {\n  clock.advance(std::chrono::seconds(5));\n  return got;\n}));'],
    ['constexpr std::chrono::seconds kLifetime{120};'],
    ['const timeval limit{};'],
    ['const timeval limit{0, 0};'],
    ['const auto took = Clock::now() - began;\nEXPECT_LT(took, 3 * before);'],
    ['const auto took = Clock::now() - began;\nstd::printf("%f", took.count());'],
    ['EXPECT_LT(unanswered, 300U);'],
    ['EXPECT_LE(ended.time_ns, kStartNs + 123 * kSecondNs);'],
    ['EXPECT_GE(last, before + 1000);'],
    ['const auto late = std::chrono::steady_clock::now() + longest_wait();'],
    ['pause(std::chrono::milliseconds(5), "another moment");'],
    ['options.timeout = std::chrono::seconds(900);'],
    ['clock.advance(std::chrono::seconds(5));'],
    ['EXPECT_EQ(entry.expires - now, 15s);'],
    ['poll(fds.data(), fds.size(), 0);'],
    ['poll(fds.data(), fds.size(), milliseconds);'],
    ['poll(&fd, 1, 5);'],
    ['if (verb == "sleep") return passage_of_time(words);'],
    ['must(words.size() == 2, "use sleep(MILLISECONDS)");'],
    ['// usleep(5);'],
    ['/* sleep(5);\n usleep(5); */'],
  ])('does not refuse %s', (text) => {
    expect(linesOf('native/x_test.cc', `${text}\n`)).toEqual([]);
  });
});
