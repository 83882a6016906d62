// Finds the frames in a journal's circle by what they say themselves: each has its length, its sequences, its epoch and a checksum.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vslog {

/// A whole and correct batch in the circle.
struct FoundFrame {
  std::uint64_t place = 0;  ///< where it begins; what that counts from is the caller's
  std::uint32_t size = 0;
  std::uint32_t count = 0;
  std::uint64_t first = 0;      ///< sequence
  std::uint32_t epoch = 0;      ///< of FoundFrames::epochs
  std::uint64_t ordinal = 0;    ///< of its first record, over all epochs

  std::uint64_t last() const { return first + count - 1; }
};

/// Frames, and the epochs that they speak of.
struct FoundFrames {
  std::vector<FoundFrame> frames;
  std::vector<std::string> epochs;
  std::uint32_t epoch(std::string_view name);  ///< its index, added when it is new
};

/// The frame that begins with these bytes, if there is a whole and correct batch; its epoch is added to `found`, itself it is not.
std::optional<FoundFrame> frame_at(std::string_view bytes, FoundFrames& found);

/// Every frame that begins in the first `length` of these bytes, in the order of their places. A frame may reach beyond `length`, not beyond the bytes.
FoundFrames scan_frames(std::string_view bytes, std::uint64_t length);

/// Numbers frames over all epochs, backwards from the newest epoch, whose record N is `base` + N. They are in the order of the log; those of `current` come last.
void number_frames(FoundFrames& found, std::uint32_t current, std::uint64_t base);

}  // namespace vslog
