// CRC-32C (Castagnoli), the checksum of a batch's body and of the journal's header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vslog {

/// CRC-32C of `size` bytes. `crc` is the result over what came before, 0 at the start. Uses the processor's instruction where it has one.
std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t crc = 0);

inline std::uint32_t crc32c(std::string_view bytes) { return crc32c(bytes.data(), bytes.size()); }

/// The same by table, for processors without the instruction.
std::uint32_t crc32c_table(const void* data, std::size_t size, std::uint32_t crc = 0);

}  // namespace vslog
