// Records to length-delimited protobuf: the bytes that travel untouched into ClickHouse.
#pragma once

#include <cstddef>
#include <cstdint>

#include "event/conn_record.h"
#include "event/control_record.h"

namespace vslog {

/// No encoded ConnEvent, its length included, is longer.
inline constexpr std::size_t kMaxConnSize = 512;
/// Longer strings of a ControlRecord are cut, so that a batch always fits its buffer.
inline constexpr std::size_t kMaxText = 1024;
/// No encoded ControlEvent, its length included, is longer.
inline constexpr std::size_t kMaxControlSize = 9 * kMaxText;

/// Writes `record` with its length before it to `out`, which has kMaxConnSize bytes. Returns one past the last byte.
char* encode(const ConnRecord& record, std::uint64_t sequence, char* out);

/// Writes `record` with its length before it to `out`, which has kMaxControlSize bytes. Returns one past the last byte.
char* encode(const ControlRecord& record, std::uint64_t sequence, char* out);

}  // namespace vslog
