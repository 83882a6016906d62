#include "wire/journal_scan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <protozero/exception.hpp>

#include "wire/crc32c.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace vslog {

std::uint32_t FoundFrames::epoch(std::string_view name) {
  // Nearly always the newest.
  for (std::size_t i = epochs.size(); i-- > 0;) {
    if (epochs[i] == name) return static_cast<std::uint32_t>(i);
  }
  epochs.emplace_back(name);
  return static_cast<std::uint32_t>(epochs.size() - 1);
}

std::optional<FoundFrame> frame_at(std::string_view bytes, FoundFrames& found) {
  const std::optional<FrameHeader> header = decode_header(bytes);
  if (!header || header->length > bytes.size() || header->type != static_cast<std::uint16_t>(FrameType::event_batch)) return std::nullopt;
  try {
    const auto batch = decode<EventBatch>(bytes.substr(0, header->length).substr(kFrameHeaderSize));
    const BatchHeader& h = batch.header;
    if (h.count == 0 || h.first_sequence == 0 || h.first_sequence > UINT64_MAX - h.count || h.epoch.empty() || h.epoch.size() > 63 || h.crc32c != crc32c(batch.body)) return std::nullopt;
    return FoundFrame{.place = 0, .size = header->length, .count = h.count, .first = h.first_sequence, .epoch = found.epoch(h.epoch)};
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

FoundFrames scan_frames(std::string_view bytes, std::uint64_t length) {
  // All of a batch's frame header but its length: the same in every one.
  const FrameHeader like{.length = kFrameHeaderSize, .type = static_cast<std::uint16_t>(FrameType::event_batch)};
  std::array<char, kFrameHeaderSize> header{};
  encode_header(like, header.data());
  constexpr std::size_t kLengthSize = sizeof like.length;
  const std::string_view pattern(header.data() + kLengthSize, header.size() - kLengthSize);

  FoundFrames found;
  for (std::uint64_t at = 0; at < length;) {
    const std::size_t hit = bytes.find(pattern, at + kLengthSize);
    if (hit == std::string_view::npos || hit - kLengthSize >= length) break;
    at = hit - kLengthSize;
    if (std::optional<FoundFrame> frame = frame_at(bytes.substr(at), found)) {
      frame->place = at;
      found.frames.push_back(*frame);
      at += frame->size;
    } else {
      ++at;
    }
  }
  return found;
}

void number_frames(FoundFrames& found, std::uint32_t current, std::uint64_t base) {
  std::uint64_t boundary = base + 1;  // of record 1 of the epoch that comes after
  const FoundFrame* later = nullptr;
  for (std::size_t i = found.frames.size(); i-- > 0;) {
    FoundFrame& frame = found.frames[i];
    if (frame.epoch == current) {
      frame.ordinal = base + frame.first;
    } else if (later != nullptr && later->epoch == frame.epoch) {
      frame.ordinal = later->ordinal - (later->first - frame.first);
    } else {
      if (later != nullptr) boundary = later->ordinal - (later->first - 1);
      frame.ordinal = boundary - frame.count;
    }
    later = &frame;
  }
}

}  // namespace vslog
