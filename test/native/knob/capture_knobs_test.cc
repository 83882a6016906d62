#include "knob/capture_knobs.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "knob/catalogue.h"
#include "wire/requests.h"

namespace vslog {
namespace {

TEST(CaptureKnobs, OneThatIsLiveIsHandedOnAndKept) {
  std::string handed;
  CaptureKnobs knobs;
  knobs.add("capture_linger", "5", [&handed](const std::string& value) { handed = value; });
  EXPECT_EQ(knobs.read(need_knob("capture_linger")).value, "5");
  knobs.write(need_knob("capture_linger"), "20", {});
  EXPECT_EQ(handed, "20");
  EXPECT_EQ(knobs.read(need_knob("capture_linger")).value, "20");
}

TEST(CaptureKnobs, OneThatRefusesKeepsItsValue) {
  CaptureKnobs knobs;
  knobs.add("capture_events", "create", [](const std::string&) { throw std::invalid_argument("no"); });
  EXPECT_THROW(knobs.write(need_knob("capture_events"), "born", {}), std::invalid_argument);
  EXPECT_EQ(knobs.read(need_knob("capture_events")).value, "create");
}

TEST(CaptureKnobs, TheOthersWorkFromTheNextStartOn) {
  CaptureKnobs knobs;
  knobs.add("capture_linger", "5");
  try {
    knobs.write(need_knob("capture_linger"), "20", {});
    FAIL() << "it was set";
  } catch (const RequestError& e) {
    EXPECT_EQ(e.code(), EOPNOTSUPP);
    EXPECT_STREQ(e.what(), "capture_linger works from the capture's next start on.");
  }
  EXPECT_EQ(knobs.read(need_knob("capture_linger")).value, "5");
}

TEST(CaptureKnobs, OneThatTheSourceLacksHasNoValue) {
  CaptureKnobs knobs;
  EXPECT_EQ(knobs.read(need_knob("capture_linger")).problem, "the capture's source has no such knob.");
  EXPECT_THROW(knobs.write(need_knob("capture_linger"), "20", {}), RequestError);
}

}  // namespace
}  // namespace vslog
