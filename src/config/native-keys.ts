import { keys, optionOf } from './schema.js';

/** How the capture reads a value: which of its own words a value of the file becomes. */
const KINDS = {
  string: 'text',
  path: 'text',
  endpoint: 'text',
  enum: 'text',
  int: 'number',
  bytes: 'bytes',
  room: 'text',
  duration: 'duration',
  bool: 'boolean',
} as const;

/**
 * native/daemon/config_keys.h: every option of the configuration for the capture, which reads file and environment itself where no Node is wanted (the unit, containers).
 * `node --import tsx scripts/config-keys.mjs` writes it; a test compares.
 */
export function nativeKeys(): string {
  const rows = keys.map((key) => {
    const { type, native } = optionOf(key);
    return `    {"${key}", "${native ?? ''}", ConfigType::${KINDS[type]}},`;
  });
  return `// Made by scripts/config-keys.mjs from src/config/schema.ts, where each option is explained.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vslog {

/// How a value is written: bytes as 64M, a duration as 2s.
enum class ConfigType : std::uint8_t { text, number, bytes, duration, boolean };

struct ConfigKey {
  std::string_view key;
  std::string_view option;  ///< the capture's; empty: it is none of the capture's
  ConfigType type;
};

// clang-format off
inline constexpr std::array<ConfigKey, ${rows.length}> kConfigKeys{{
${rows.join('\n')}
}};
// clang-format on

}  // namespace vslog
`;
}
