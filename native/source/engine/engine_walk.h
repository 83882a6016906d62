// A walk over the embedded balancer's connections.
#pragma once

#include <functional>
#include <utility>

#include "engine/engine.h"
#include "event/conn_walk.h"

namespace vslog {

class EngineWalk final : public ConnWalk {
 public:
  /// `before`: called before each piece.
  EngineWalk(const engine::Engine& engine, engine::ConnFilter filter, std::function<void()> before = {}) : engine_(engine), filter_(std::move(filter)), before_(std::move(before)) {}

  bool next(const std::function<void(const ConnRecord&)>& each) override {
    if (before_) before_();
    return engine_.visit_some(at_, kEntries, filter_, each);
  }

 private:
  /// Places of the table in one piece: some ten microseconds, and as many records at most as a frame may well have.
  static constexpr std::uint32_t kEntries = 512;

  const engine::Engine& engine_;
  engine::ConnFilter filter_;
  std::function<void()> before_;
  engine::Engine::WalkPosition at_;
};

}  // namespace vslog
