// The packets of a synthetic load: a function of the seed and a connection's number.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "source/engine/engine_options.h"

namespace vslog {

/// Connection n begins at time n * step, and its life ends when `concurrent` more have begun. Most TCP ends by FINs, some by a reset of either side, and a few
/// SYNs are never answered.
class LoadTraffic {
 public:
  /// `services` must outlive it and hold at least one of TCP or UDP. `start` is the engine's time of connection 0, `step` the time between two, ns.
  LoadTraffic(const LoadOptions& options, const std::vector<ServiceSetup>& services, engine::Time start, engine::Time step);

  /// The next connection begins, and one that is old enough ends. False: there are no more.
  bool next(engine::Engine& engine);

  std::uint64_t begun() const { return begun_; }
  engine::Time now() const { return now_; }

 private:
  struct Life {
    engine::Packet first;        ///< the client's first packet: who, and to which service
    std::uint32_t data = 0;      ///< how many requests
    std::uint8_t end = 0;        ///< out of 64
    std::uint64_t chance = 0;
  };
  struct Open {
    engine::ConnRef conn;
    engine::Endpoint real;
  };

  Life life(std::uint64_t number) const;
  void begin(engine::Engine& engine, std::uint64_t number);
  void end(engine::Engine& engine, std::uint64_t number);
  void from_client(engine::Engine& engine, engine::Packet packet, std::uint8_t flags, std::uint32_t length) const;
  void from_real(engine::Engine& engine, const engine::Packet& first, const engine::Endpoint& real, std::uint8_t flags, std::uint32_t length) const;

  LoadOptions options_;
  std::vector<const engine::ServiceConfig*> tcp_;
  std::vector<const engine::ServiceConfig*> udp_;
  std::vector<Open> open_;  ///< by number, modulo `concurrent`
  engine::Time step_;
  engine::Time now_;
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
};

}  // namespace vslog
