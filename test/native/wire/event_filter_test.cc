#include "wire/event_filter.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>
#include <sstream>

#include "contract.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

/// What test/contract/filters.test.ts wrote, and what passes by its words.
TEST(EventFilter, PassesWhatItSays) {
  std::istringstream file(test::read_contract("filters.txt"));
  std::vector<std::pair<RecordType, std::string>> events;
  int filters = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string what;
    std::string first;
    std::string hex;
    words >> what >> first >> hex;
    if (what == "event") {
      events.emplace_back(first == "conn" ? RecordType::conn : RecordType::control, from_hex(hex));
      continue;
    }
    ASSERT_EQ(what, "filter");
    ASSERT_EQ(first.size(), events.size());
    ++filters;
    const EventFilter filter(from_hex(hex));
    std::string passed;
    for (const auto& [record, event] : events) passed.push_back(filter.takes(record, event) ? '1' : '0');
    EXPECT_EQ(passed, first) << line;
  }
  EXPECT_GT(filters, 20);
}

TEST(EventFilter, PassesEverythingWhenThereIsNone) {
  const EventFilter filter;
  EXPECT_TRUE(filter.all());
  EXPECT_TRUE(filter.takes(RecordType::conn, "no event"));
}

std::string message(const std::function<void(protozero::pbf_writer&)>& fill) {
  std::string bytes;
  protozero::pbf_writer w(bytes);
  fill(w);
  return bytes;
}

std::string test_of(std::uint32_t number) {
  return message([number](protozero::pbf_writer& w) {
    w.add_message(field::EventFilter::test, message([number](protozero::pbf_writer& t) {
                    t.add_uint32(field::EventTest::field, number);
                    t.add_message(field::EventTest::ranges, message([](protozero::pbf_writer& r) { r.add_uint64(field::NumberRange::last, 9); }));
                  }));
  });
}

TEST(EventFilter, DoesNotPassWhatCannotBeRead) {
  const EventFilter filter(test_of(static_cast<std::uint32_t>(EventField::protocol)));
  EXPECT_TRUE(filter.takes(RecordType::conn, ""));
  EXPECT_FALSE(filter.takes(RecordType::conn, "\xff"));
}

std::string refusal(const std::string& bytes) {
  try {
    const EventFilter filter(bytes);
  } catch (const BadRequest& e) {
    return e.what();
  }
  return "taken";
}

TEST(EventFilter, IsRefusedRatherThanWidened) {
  EXPECT_EQ(refusal(test_of(0)), "a test says which field it looks at.");
  EXPECT_EQ(refusal(test_of(99)), "test.field 99 must be at most 24.");
  EXPECT_EQ(refusal(test_of(1)), "a client, virtual service or real server is in places, not in ranges.");
  EXPECT_EQ(refusal(""), "a filter, and each part of it, is one of all, any, none and test.");
  const std::string good = test_of(7);
  EXPECT_EQ(refusal(good), "taken");
  EXPECT_EQ(refusal(good + good.substr(0, 0) + message([&](protozero::pbf_writer& w) { w.add_message(field::EventFilter::none, good); })), "a filter, and each part of it, is one of all, any, none and test.");
  EXPECT_NE(refusal(message([](protozero::pbf_writer& w) { w.add_uint32(200, 1); })).find("not known"), std::string::npos);
}

TEST(EventFilter, IsNeitherEndlessNorBottomless) {
  std::string deep = test_of(7);
  for (int i = 0; i < 70; ++i) deep = message([&](protozero::pbf_writer& w) { w.add_message(field::EventFilter::none, deep); });
  EXPECT_EQ(refusal(deep), "the filter is nested deeper than 64 levels.");
  const std::string wide = message([](protozero::pbf_writer& w) {
    for (int i = 0; i < 300; ++i) w.add_message(field::EventFilter::any, test_of(7));
  });
  EXPECT_EQ(refusal(wide), "the filter has more than 256 parts.");
}

}  // namespace
}  // namespace vslog
