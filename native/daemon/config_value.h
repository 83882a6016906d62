// Values as people write them in the configuration, in the words that the command line has for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/config_keys.h"

namespace vslog {

/// 64M becomes bytes, 2s milliseconds, yes true; text stays as it is. Nothing: the value is none of that type. Ranges are the option's own matter.
std::optional<std::string> config_value(ConfigType type, std::string_view written);

/// What a type may be, as the end of "it must be".
std::string_view wanted(ConfigType type);

}  // namespace vslog
