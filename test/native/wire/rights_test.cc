#include "wire/rights.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr uid_t kOwn = 5;

Rights of(uid_t uid, std::vector<gid_t> groups, const Groups& of = {7, 8, 9}) {
  Peer peer;
  peer.uid = uid;
  peer.groups = std::move(groups);
  return rights_of(peer, kOwn, of);
}

TEST(Rights, RootAndTheCapturesOwnUserMayEverything) {
  for (const uid_t uid : {uid_t{0}, kOwn}) {
    const Rights r = of(uid, {});
    EXPECT_TRUE(r.subscribe && r.keep && r.set && r.privileged) << uid;
  }
}

TEST(Rights, TheSocketsGroupLooks) {
  const Rights r = of(6, {1, 7});
  EXPECT_TRUE(r.subscribe);
  EXPECT_FALSE(r.keep || r.set || r.privileged);
}

TEST(Rights, TheCollectorsGroupLooksAndKeeps) {
  const Rights r = of(6, {1, 8});
  EXPECT_TRUE(r.subscribe && r.keep && r.privileged);
  EXPECT_FALSE(r.set);
}

TEST(Rights, TheAdministratorsSetAndSeeNoConnectionForIt) {
  const Rights r = of(6, {1, 9});
  EXPECT_TRUE(r.set);
  EXPECT_FALSE(r.subscribe || r.keep || r.privileged);
}

TEST(Rights, AnybodyElseAndWhoIsNotKnownMayNothing) {
  for (const Rights& r : {of(6, {1}), of(static_cast<uid_t>(-1), {}), of(6, {8, 9}, {7, {}, {}})}) EXPECT_FALSE(r.subscribe || r.keep || r.set || r.privileged);
}

}  // namespace
}  // namespace vslog
