// A balancer in this process, what it tells, and that it gives back every descriptor.
#pragma once

#include <dirent.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <vector>

#include "patience.h"
#include "peers.h"
#include "source/engine/engine_source.h"

namespace vslog {

struct Log final : EventSink {
  std::vector<ConnRecord> conns;
  std::vector<ControlRecord> controls;

  void conn(const ConnRecord& r) override { conns.push_back(r); }
  void control(const ControlRecord& r) override { controls.push_back(r); }

  std::vector<ConnRecord> of(EventKind kind) const {
    std::vector<ConnRecord> found;
    for (const ConnRecord& r : conns) {
      if (r.kind == kind) found.push_back(r);
    }
    return found;
  }
};

inline std::size_t open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir("/proc/self/fd"), &closedir);
  std::size_t count = 0;
  while (readdir(dir.get()) != nullptr) ++count;
  return count;
}

inline ServiceSetup service_setup(std::uint8_t protocol, std::uint16_t port, const std::vector<std::uint16_t>& reals) {
  ServiceSetup setup;
  setup.service.key = {protocol, 4, loopback(port), 0};
  setup.service.scheduler = "rr";
  for (const std::uint16_t real : reals) setup.reals.push_back({loopback(real)});
  return setup;
}

struct EngineSourceTest : testing::Test {
  std::size_t descriptors = open_descriptors();
  Log log;
  std::unique_ptr<EngineSource> source;
  std::vector<std::function<void()>> others;  ///< steps of whoever goes on while somebody waits

  EngineSourceTest() { std::signal(SIGPIPE, SIG_IGN); }  // as the capture does

  void TearDown() override {
    if (source) {
      for (const std::string& sentence : source->engine().inconsistencies()) ADD_FAILURE() << sentence;
    }
    source.reset();
  }
  /// Once every socket of the test's own is closed.
  void expect_descriptors_back() {
    source.reset();
    EXPECT_EQ(open_descriptors(), descriptors);
  }

  void start(const std::vector<ServiceSetup>& services, std::vector<KnobSetup> knobs = {}) {
    EngineSourceOptions options;
    options.services = services;
    options.knobs = std::move(knobs);
    source = make_engine_source(options);
    source->start(0);
  }

  void step() {
    while (source->drain(log, 1024) == 1024) {}
    for (const auto& other : others) other();
  }

  /// Lets all go on until it is so.
  testing::AssertionResult eventually(const std::function<bool()>& so) {
    const bool came = test::eventually([&] {
      step();
      return so();
    });
    return came ? testing::AssertionSuccess() : testing::AssertionFailure() << "it never came";
  }

  /// Lets all go on for a while, for what must not come.
  void turns(int n) {
    for (int i = 0; i < n; ++i) {
      step();
      test::pause(std::chrono::milliseconds(1), "for what is on its way");
    }
  }
};

}  // namespace vslog
