// The capture's options as the configuration has them, for where no command line is made from it: the unit, a container.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vslog {

/// An argument of the command line, and what the configuration calls it.
struct ConfigArgument {
  std::string text;
  std::string where;  ///< FILE:LINE: KEY, or the variable of the environment
};

/// What file and environment say, before it is turned into arguments.
class Configuration {
 public:
  /// Reads a TOML file. It must belong to root or to us, and nobody else may write to it: it says what a privileged program does. Throws UsageError with FILE:LINE.
  void read_file(const std::string& path);
  /// Takes VSLOG_SECTION_NAME for section.name; wins over the file. Throws UsageError for a name of ours that is no option.
  void read_environment(const char* const* environment);
  /// The arguments. With `own_services` those of the command line count, and the file's do not.
  std::vector<ConfigArgument> arguments(bool own_services) const;

 private:
  struct Setting {
    std::string value;  ///< as the option wants it; of a switch "true" or "false"
    std::string where;
  };

  void set(std::string_view key, const std::string& value, const std::string& where);
  void read_text(const std::string& text, const std::string& path);

  std::map<std::string, Setting, std::less<>> settings_;  ///< by the capture's option
  std::vector<ConfigArgument> knobs_;
  std::vector<ConfigArgument> services_;
};

}  // namespace vslog
