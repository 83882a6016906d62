// Budgets, in a time of the tests' own.
#include "wire/users.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(Share, GivesItsPartOfTheTimeAndNoMore) {
  Share share(8, 20 * kMs);
  std::uint64_t used = 0;
  const std::uint64_t begin = 5'000 * kMs;
  for (std::uint64_t now = begin; now < begin + 10'000 * kMs; now += kMs) {
    if (!share.has_any(now)) continue;
    share.spend(now, kMs / 2);
    used += kMs / 2;
  }
  EXPECT_GE(used, 10'000 * kMs / 8);
  EXPECT_LE(used, 10'000 * kMs / 8 + 21 * kMs);
}

TEST(Share, AnExpensiveStepIsPaidBackBeforeTheNext) {
  Share share(8, 20 * kMs);
  const std::uint64_t now = kMs;
  share.spend(now, 120 * kMs);
  EXPECT_FALSE(share.has_any(now));
  const std::uint64_t wait = share.wait(now);
  EXPECT_NEAR(static_cast<double>(wait), 800.0 * kMs, 1.0 * kMs);
  EXPECT_FALSE(share.has_any(now + wait - kMs));
  EXPECT_TRUE(share.has_any(now + wait));
}

TEST(Share, DoesNotSaveUpMoreThanItsBurst) {
  Share share(8, 20 * kMs);
  share.spend(kMs, kMs);
  EXPECT_FALSE(share.whole(kMs));
  const std::uint64_t later = 3'600'000 * kMs;
  EXPECT_TRUE(share.whole(later));
  share.spend(later, 20 * kMs);
  EXPECT_FALSE(share.has_any(later));
}

TEST(Share, FillsAlsoInStepsBelowItsPart) {
  Share share(8, 20 * kMs);
  share.spend(1'000, 20 * kMs + 1);
  // A nanosecond at a time, of which each is less than an eighth of anything.
  std::uint64_t now = 1'000;
  while (!share.has_any(now) && now < 2'000) ++now;
  EXPECT_EQ(now, 1'000U + 16);
}

TEST(Users, OneUserWaitsAndAnotherDoesNot) {
  Users users(8 << 20);
  User& busy = users.join(1, false);
  User& other = users.join(2, false);
  User& root = users.join(0, true);
  users.spend(busy, kMs, Users::kBurstNs + 1);
  EXPECT_GT(users.wait(busy, kMs), 0U);
  users.spend(root, kMs, 1'000 * kMs);
  EXPECT_EQ(users.wait(root, kMs), 0U);
  EXPECT_GT(users.wait(other, kMs), 0U) << "all together have had theirs";
  EXPECT_EQ(users.wait(other, kMs + 100), 0U) << "but that comes back at once, as it was little";
  EXPECT_GT(users.wait(busy, kMs + 1), 0U);
}

TEST(Users, ManyUsersTogetherHaveAQuarter) {
  Users users(8 << 20);
  std::vector<User*> all;
  for (uid_t uid = 1; uid <= 64; ++uid) all.push_back(&users.join(uid, false));
  std::uint64_t used = 0;
  for (std::uint64_t now = kMs; now < 8'001 * kMs; now += kMs) {
    for (User* user : all) {
      if (users.wait(*user, now) > 0) continue;
      users.spend(*user, now, kMs / 10);
      used += kMs / 10;
    }
  }
  EXPECT_LE(used, 8'000 * kMs / 4 + 2 * Users::kBurstNs);
  EXPECT_GE(used, 8'000 * kMs / 5);
}

TEST(Users, ADebtOutlivesItsSessions) {
  Users users(8 << 20);
  User& user = users.join(1, false);
  users.spend(user, kMs, 100 * kMs);
  users.leave(user);
  users.sweep(2 * kMs);
  EXPECT_GT(users.wait(users.join(1, false), 2 * kMs), 0U) << "connecting again does not pay it";
  users.leave(users.join(1, false));
  EXPECT_EQ(users.sessions_of(1), 1U);
  EXPECT_EQ(users.sessions_of(2), 0U);
}

TEST(Users, HoldSoMuchAndOneOfThemAQuarter) {
  Users users(8 << 20);
  User& user = users.join(1, false);
  User& other = users.join(2, false);
  EXPECT_TRUE(users.has_room(user, 2 << 20));
  EXPECT_FALSE(users.has_room(user, (2 << 20) + 1));
  users.hold(other, 7 << 20);
  EXPECT_FALSE(users.has_room(user, (1 << 20) + 1));
  EXPECT_TRUE(users.has_room(users.join(0, true), 1 << 30));
  users.hold(other, -(7 << 20));
  EXPECT_EQ(users.bytes(), 0U);
}

}  // namespace
}  // namespace vslog
