#include "source/registry.h"

#include <gtest/gtest.h>

#include "source/engine/service_options.h"
#include "wire/journal.h"

namespace vslog {
namespace {

TEST(Registry, NamesWhatItCanMake) {
  const std::string names(source_names());
  for (const char* name : {"conntrack", "engine", "scripted"}) EXPECT_NE(names.find(name), std::string::npos) << names;
}

TEST(Registry, ASourceHasTheNameThatItWasAskedFor) {
  SourceOptions options;
  options.name = "scripted";
  EXPECT_EQ(make_source(options)->name(), "scripted");
  options.name = "engine";
  options.engine.load = true;
  const auto load = make_source(options);
  EXPECT_EQ(load->name(), "engine");
  EXPECT_TRUE(load->owns_connections());
  EXPECT_TRUE(load->lists_connections());
}

TEST(Registry, RefusesANameThatItDoesNotHave) {
  SourceOptions options;
  options.name = "ebpf";
  for (const auto& ask : {+[](const SourceOptions& o) { make_source(o); }, +[](const SourceOptions& o) { check_source(o); }}) {
    try {
      ask(options);
      FAIL() << "it was made";
    } catch (const SourceRefusal& e) {
      EXPECT_EQ(std::string(e.what()), "--source ebpf is not in this build, which has: " + std::string(source_names()) + ".");
    }
  }
}

TEST(Registry, ChecksTheEngineWithoutStartingIt) {
  SourceOptions options;
  options.name = "engine";
  ServiceSetup setup;
  setup.service.key = parse_service_key("tcp://192.0.2.1:80");  // an address that this machine does not have
  options.engine.services.push_back(setup);
  EXPECT_NO_THROW(check_source(options));
  options.engine.services.push_back(setup);
  EXPECT_THROW(check_source(options), SetupError) << "the same service twice";
  options.engine.services.clear();
  options.engine.knobs.push_back({"no_such_knob", "1", ""});
  try {
    check_source(options);
    FAIL() << "it was taken";
  } catch (const SetupError& e) {
    EXPECT_NE(std::string(e.what()).find("--knob no_such_knob=1"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace vslog
