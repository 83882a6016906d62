// The golden files: name and bytes as this code writes them.
#pragma once

#include <map>
#include <string>

#include "golden_values.h"
#include "wire/batch.h"
#include "wire/encoder.h"
#include "wire/frame.h"

namespace vslog::golden {

template <typename Record>
std::string event(const Record& record, std::uint64_t sequence) {
  std::string out(kMaxControlSize, '\0');
  out.resize(static_cast<std::size_t>(encode(record, sequence, out.data()) - out.data()));
  return out;
}

template <typename Message>
std::string frame(FrameType type, const Message& message) {
  std::string out;
  append_frame(out, type, 0, 5, 9, encode(message));
  return out;
}

inline std::map<std::string, std::string> files() {
  const std::string full = event(conn_event_full(), conn_event_full_sequence);
  return {
      {"conn_event_full", full},
      {"conn_event_few", event(conn_event_few(), conn_event_few_sequence)},
      {"control_event_full", event(control_event_full(), control_event_full_sequence)},
      {"event_batch", batch_frame(event_batch_header(), full)},
      {"hello", frame(FrameType::control_hello, hello())},
      {"welcome", frame(FrameType::control_welcome, welcome())},
      {"subscribe", frame(FrameType::event_subscribe, subscribe())},
      {"subscribed", frame(FrameType::event_subscribed, subscribed())},
      {"acknowledge", frame(FrameType::event_ack, acknowledge())},
      {"erasure", frame(FrameType::event_erase, erasure())},
      {"error_reply", frame(FrameType::control_error, error_reply())},
      {"overrun", frame(FrameType::control_overrun, overrun())},
      {"source_status", frame(FrameType::source_status, source_status())},
  };
}

}  // namespace vslog::golden
