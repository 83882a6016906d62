// The frame around every message: layout and meaning of nlmsghdr, little-endian. docs/wire.md.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace vslog {

inline constexpr std::size_t kFrameHeaderSize = 16;
inline constexpr std::size_t kMaxFrameSize = 16 << 20;

enum class FrameType : std::uint16_t {
  control_noop = 0x0001,
  control_error = 0x0002,
  control_done = 0x0003,
  control_overrun = 0x0004,
  control_hello = 0x0010,
  control_welcome = 0x0011,
  event_subscribe = 0x0101,
  event_subscribed = 0x0102,
  event_batch = 0x0103,
  event_ack = 0x0104,
  event_forget = 0x0105,
  event_erase = 0x0106,
  knob_list = 0x0201,
  knob_entry = 0x0202,
  knob_set = 0x0203,
  knob_changed = 0x0204,
  service_list = 0x0301,
  service_entry = 0x0302,
  service_change = 0x0303,
  service_changed = 0x0304,
  conn_list = 0x0401,
  conn_entry = 0x0402,
  conn_expire = 0x0403,
  conn_expired = 0x0404,
  source_status = 0x0501,
};

namespace frame_flag {
inline constexpr std::uint16_t request = 0x1;
inline constexpr std::uint16_t multi = 0x2;
inline constexpr std::uint16_t ack = 0x4;
inline constexpr std::uint16_t dump = 0x300;
}  // namespace frame_flag

struct FrameHeader {
  std::uint32_t length = kFrameHeaderSize;  ///< of the whole frame, bytes
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t port = 0;
};

static_assert(sizeof(FrameHeader) == kFrameHeaderSize);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are copied as they stand");

/// Writes the 16 bytes of `header` to `out`.
inline void encode_header(const FrameHeader& header, char* out) { std::memcpy(out, &header, kFrameHeaderSize); }

/// Reads a header from at least 16 bytes. Nothing when its length cannot be: below 16 or above 16 MiB.
inline std::optional<FrameHeader> decode_header(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderSize) return std::nullopt;
  FrameHeader header;
  std::memcpy(&header, bytes.data(), kFrameHeaderSize);
  if (header.length < kFrameHeaderSize || header.length > kMaxFrameSize) return std::nullopt;
  return header;
}

/// Appends a whole frame to `out`. `payload` is at most 16 MiB less the header.
inline void append_frame(std::string& out, FrameType type, std::uint16_t flags, std::uint32_t sequence, std::uint32_t port, std::string_view payload) {
  const FrameHeader header{static_cast<std::uint32_t>(kFrameHeaderSize + payload.size()), static_cast<std::uint16_t>(type), flags, sequence, port};
  char bytes[kFrameHeaderSize];
  encode_header(header, bytes);
  out.append(bytes, sizeof bytes).append(payload);
}

}  // namespace vslog
