// A real server that is the balancer itself.
#include "source/engine/loops.h"

#include <gtest/gtest.h>

#include "source/engine/service_options.h"
#include "source/refusal.h"
#include "source/registry.h"
#include "wire/journal.h"

namespace vslog {
namespace {

struct Entry {
  const char* service;
  std::vector<const char*> reals;
};

/// What source engine says of these services; "taken" when it takes them. Nothing is bound.
std::string said_of(const std::vector<Entry>& entries, bool load = false) {
  SourceOptions options;
  options.name = "engine";
  options.engine.load = load;
  for (const Entry& entry : entries) {
    ServiceSetup& setup = options.engine.services.emplace_back();
    setup.service.key = parse_service_key(entry.service);
    for (const char* const real : entry.reals) setup.reals.push_back(parse_real(real));
  }
  try {
    check_source(options);
  } catch (const SetupError& e) {
    return e.what();
  }
  return "taken";
}

TEST(Loops, ARealServerIsNotTheServiceItself) {
  EXPECT_EQ(said_of({{"tcp://127.0.0.1:22080", {"127.0.0.1:22080"}}}),
            "virtual service tcp 127.0.0.1:22080: its real server 127.0.0.1:22080 is the service itself: each connection would make another one, without end. Name the address at which the server itself listens.");
  EXPECT_NE(said_of({{"udp://[::1]:53", {"[::1]:5353", "[::1]:53"}}}).find("is the service itself"), std::string::npos);
  EXPECT_NE(said_of({{"tcp://[::ffff:127.0.0.1]:80", {"127.0.0.1:80"}}}).find("is the service itself"), std::string::npos);
}

TEST(Loops, NorAnAddressOfTheMachineBehindOneThatListensEverywhere) {
  EXPECT_NE(said_of({{"tcp://0.0.0.0:22080", {"127.0.0.2:22080"}}}).find("is the service itself"), std::string::npos);
  EXPECT_EQ(said_of({{"tcp://0.0.0.0:22080", {"127.0.0.2:22081", "192.0.2.7:22080"}}}), "taken");
}

TEST(Loops, NorOneThatLeadsBack) {
  const Entry a{"tcp://127.0.0.1:1001", {"127.0.0.1:1002"}};
  const Entry b{"tcp://127.0.0.1:1002", {"127.0.0.1:2000", "127.0.0.1:1003"}};
  EXPECT_EQ(said_of({a, b, {"tcp://127.0.0.1:1003", {"127.0.0.1:3000"}}}), "taken") << "one after the other";
  EXPECT_NE(said_of({a, b, {"tcp://127.0.0.1:1003", {"127.0.0.1:1001"}}}).find("its real server 127.0.0.1:1002 leads back to it, by way of tcp 127.0.0.1:1002"), std::string::npos);
  EXPECT_EQ(said_of({a, b, {"udp://127.0.0.1:1003", {"127.0.0.1:1001"}}}), "taken") << "another protocol";
}

TEST(Loops, WhereNothingIsSentAnythingGoes) { EXPECT_EQ(said_of({{"tcp://127.0.0.1:22080", {"127.0.0.1:22080"}}}, true), "taken"); }

}  // namespace
}  // namespace vslog
