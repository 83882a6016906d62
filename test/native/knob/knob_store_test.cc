#include "knob/knob_store.h"

#include <gtest/gtest.h>

#include "fake.h"

namespace vslog {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    kernel.values = {{"expire_nodest_conn", "0"}, {"conn_reuse_mode", "1"}, {"sloppy_tcp", "0"}};
    store.add(KnobBacking::sysctl_ipvs, kernel);
  }

  std::string refusal(const std::vector<KnobAssignment>& assignments) {
    try {
      store.set(assignments, Netns(""), false, {});
    } catch (const RequestError& e) {
      return e.what();
    }
    return "";
  }

  fake::Knobs kernel;
  std::vector<std::string> told;
  KnobStore store{[this](const KnobChange& c, const Netns&, const Author&) { told.push_back(std::string(c.knob->name) + ": " + c.old_value + " to " + c.new_value); }};
};

TEST_F(StoreTest, SetsAllAndTellsWhatChanged) {
  const auto changes = store.set({{"expire_nodest_conn", "1"}, {"conn_reuse_mode", "1"}, {"sloppy_tcp", "1"}}, Netns(""), false, {});
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].old_value, "0");
  EXPECT_EQ(changes[0].new_value, "1");
  EXPECT_EQ(changes[1].old_value, changes[1].new_value);
  EXPECT_EQ(told, (std::vector<std::string>{"expire_nodest_conn: 0 to 1", "sloppy_tcp: 0 to 1"}));
  EXPECT_EQ(kernel.writes.size(), 2U);
}

TEST_F(StoreTest, ADryRunChangesNothing) {
  store.set({{"expire_nodest_conn", "1"}}, Netns(""), true, {});
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_TRUE(told.empty());
}

TEST_F(StoreTest, NothingIsWrittenWhenOneIsWrong) {
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"conn_reuse_mode", "9"}}), "");
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"nothing", "9"}}), "");
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"expire_nodest_conn", "0"}}), "");
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"conn_tab_bits", "12"}}), "");
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"real_weight", "1"}}), "");
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"capture_ring_size", "65536"}}), "");
  EXPECT_NE(refusal({{"expire_nodest_conn", "1"}, {"cache_bypass", "1"}}), "") << "the backend has none";
  EXPECT_NE(refusal({}), "");
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(StoreTest, WhatWasSetIsPutBackWhenALaterOneIsNotTaken) {
  kernel.stubborn = {"sloppy_tcp"};
  const std::string sentence = refusal({{"expire_nodest_conn", "1"}, {"conn_reuse_mode", "0"}, {"sloppy_tcp", "1"}});
  EXPECT_EQ(sentence, "the kernel did not take sloppy_tcp. What was set before it was put back.");
  EXPECT_EQ(kernel.values.find("expire_nodest_conn")->second, "0");
  EXPECT_EQ(kernel.values.find("conn_reuse_mode")->second, "1");
  EXPECT_EQ(told, (std::vector<std::string>{"expire_nodest_conn: 0 to 1", "conn_reuse_mode: 1 to 0", "conn_reuse_mode: 0 to 1", "expire_nodest_conn: 1 to 0"}));
}

TEST_F(StoreTest, SaysWhatCouldNotBePutBack) {
  kernel.deaf = {"sloppy_tcp"};
  kernel.values["expire_nodest_conn"] = "0";
  const std::string sentence = refusal({{"sloppy_tcp", "1"}});
  EXPECT_EQ(sentence, "sloppy_tcp was set to 1, but is still 0.");
}

TEST_F(StoreTest, TheEngineHasItsOwnAndHidesTheKernels) {
  fake::Knobs engine;
  engine.values = {{"expire_nodest_conn", "1"}};
  store.add_engine(engine);
  EXPECT_EQ(store.read(need_knob("expire_nodest_conn")).value, "1");
  EXPECT_NE(store.read(need_knob("pmtu_disc")).problem, "");
}

TEST_F(StoreTest, ANamespaceThatThereIsNotIsASentence) {
  for (const char* name : {"there-is-none", "../x", "..", "/etc/passwd", "/proc/self/ns/net", "/run/netns/../x"}) {
    EXPECT_THROW(Netns{name}, RequestError) << name;
  }
}

}  // namespace
}  // namespace vslog
