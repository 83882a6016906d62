// What the engine tells, written to stdout as the frames that a capture sends.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "engine/engine.h"
#include "wire/batch.h"

namespace vslog::conformance {

class EventLog final : public engine::Observer {
 public:
  /// What a packet of a connection needs to know of it: the engine says only its number.
  struct Known {
    engine::Endpoint virtual_service;
    ForwardMethod forward = ForwardMethod::masq;
  };

  EventLog() : batch_("engine", "conformance", 1) {}

  void conn(const ConnRecord& record) override {
    if (record.kind == EventKind::create) known_[record.conn_id] = {{record.virtual_addr, record.virtual_port}, record.forward};
    batch_.add(record);
    ++records_;
  }
  void control(const ControlRecord& record) override {
    batch_.add(record);
    ++records_;
  }
  void ended(std::uint32_t, EndReason) override {}

  /// Null for a connection that was never told of.
  const Known* known(std::uint64_t conn_id) const {
    const auto found = known_.find(conn_id);
    return found == known_.end() ? nullptr : &found->second;
  }

  std::uint64_t records() const { return records_; }

  /// The frames since the last call.
  std::string take() {
    std::string frames;
    if (batch_.empty()) return frames;
    for (const FinishedBatch& batch : batch_.finish()) frames += batch.frame;
    batch_.clear(records_ + 1);
    return frames;
  }

 private:
  BatchBuilder batch_;
  std::uint64_t records_ = 0;
  std::unordered_map<std::uint64_t, Known> known_;
};

}  // namespace vslog::conformance
