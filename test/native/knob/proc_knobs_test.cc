#include "knob/proc_knobs.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "wire/requests.h"

namespace vslog {
namespace {

Knob sysctl(const char* path) { return {.name = "one", .path = path, .backing = KnobBacking::sysctl_ipvs, .type = KnobType::string_, .min = 0, .max = 0, .max_length = 0, .power_of_two = false,
    .not_above = "", .words = {}, .flips = {"", ""}, .global = true, .writable = true, .live = true, .engine = false, .option = "", .default_value = ""}; }

TEST(ProcKnobs, ReadsAValueWithoutItsEndOfLine) {
  ProcKnobs proc;
  const KnobReading reading = proc.read(sysctl("kernel/ostype"));
  EXPECT_EQ(reading.value, "Linux");
  EXPECT_EQ(reading.problem, "");
}

TEST(ProcKnobs, SeveralNumbersAreSeparatedByBlanks) {
  ProcKnobs proc;
  const std::string value = proc.read(sysctl("net/ipv4/ip_local_port_range")).value;
  EXPECT_EQ(value.find('\t'), std::string::npos);
  EXPECT_NE(value.find(' '), std::string::npos) << value;
}

TEST(ProcKnobs, SaysWhatIsNotThere) {
  ProcKnobs proc;
  const KnobReading reading = proc.read(sysctl("kernel/no_such_file"));
  EXPECT_EQ(reading.value, "");
  EXPECT_NE(reading.problem, "");
  try {
    proc.write(sysctl("kernel/no_such_file"), "1", {});
    FAIL() << "it was written";
  } catch (const RequestError& e) {
    EXPECT_EQ(e.code(), EOPNOTSUPP);
    EXPECT_EQ(e.field(), "one");
    EXPECT_EQ(std::string(e.what()).find("one cannot be set: "), 0U) << e.what();
  }
}

TEST(ProcKnobs, SaysWhatCannotBeWritten) {
  ProcKnobs proc;
  EXPECT_THROW(proc.write(sysctl("kernel/ostype"), "Hurd", {}), RequestError);
  EXPECT_EQ(proc.read(sysctl("kernel/ostype")).value, "Linux");
}

}  // namespace
}  // namespace vslog
