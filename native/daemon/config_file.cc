#include "daemon/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

// Errors come as values, so that a stranger's text cannot become an exception that nobody expects.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"
#include "daemon/options.h"
#include "event/text.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// A configuration is some kilobytes, one of ten thousand services 2 MiB; more is no configuration.
constexpr std::size_t kLongest = 16 << 20;
constexpr std::size_t kShown = 200;

std::string reason(int error) { return std::generic_category().message(error); }

/// A name or value of the file, as a person sees it there.
std::string shown(std::string_view text) { return '"' + plain_text(text, kShown) + '"'; }

const ConfigKey* find_key(std::string_view key) {
  const auto* const found = std::find_if(kConfigKeys.begin(), kConfigKeys.end(), [key](const ConfigKey& one) { return one.key == key; });
  return found == kConfigKeys.end() ? nullptr : found;
}

/// As text, what the file has as string, number or boolean. Nothing: it is something else.
std::optional<std::string> plain_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

class Place {
 public:
  Place(const std::string& path, const toml::node& node) : text_(path + ":" + std::to_string(node.source().begin.line)) {}
  const std::string& text() const { return text_; }
  [[noreturn]] void fail(const std::string& sentence) const { throw UsageError(text_ + ": " + sentence); }

 private:
  std::string text_;
};

std::string read_all(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw UsageError(path + ": " + (errno == ENOENT ? "there is no such file" : reason(errno)) + ".");
  struct stat info{};
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) throw UsageError(path + ": it is no regular file.");
  if ((info.st_uid != 0 && info.st_uid != geteuid()) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw UsageError(path + ": others than root may change it, and it says what this program does with its rights: chown root " + path + " && chmod go-w " + path);
  }
  std::string text;
  std::array<char, 4096> piece;
  ssize_t n = 0;
  while ((n = read(file.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (text.size() > kLongest) throw UsageError(path + ": it is longer than 16 MiB.");
  }
  if (n < 0) throw UsageError(path + ": " + reason(errno) + ".");
  return text;
}

/// Fields of a [[service]] or a real server, in the capture's words.
class Fields {
 public:
  Fields(const toml::table& table, std::string name, const std::string& path) : table_(table), name_(std::move(name)), path_(path) {}

  std::optional<std::string> take(std::string_view field, ConfigType type) {
    known_.emplace_back(field);
    const toml::node* const node = table_.get(field);
    if (node == nullptr) return std::nullopt;
    const std::optional<std::string> written = plain_value(*node);
    std::optional<std::string> value = written ? config_value(type, *written) : std::nullopt;
    if (!value) Place(path_, *node).fail(name_ + "." + std::string(field) + (written ? " is " + shown(*written) + ": it" : "") + " must be " + std::string(wanted(type)) + ".");
    return value;
  }

  /// Throws UsageError on a field that was not taken, nor is one of `others`.
  void nothing_else(std::vector<std::string> others = {}) const {
    others.insert(others.end(), known_.begin(), known_.end());
    for (const auto& [key, node] : table_) {
      if (std::find(others.begin(), others.end(), key.str()) == others.end()) Place(path_, node).fail("there is no option " + name_ + "." + plain_text(key.str(), kShown) + ".");
    }
  }

 private:
  const toml::table& table_;
  std::string name_;
  const std::string& path_;
  std::vector<std::string> known_;
};

std::string real_argument(const toml::node& node, const std::string& path) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) Place(path, node).fail(R"(service.real must be a list of tables, such as { at = "192.0.2.7:80", weight = 2 }.)");
  Fields fields(*table, "service.real", path);
  std::string argument = fields.take("at", ConfigType::text).value_or("");
  if (argument.empty()) Place(path, node).fail(R"(this service.real has no address: say at = "192.0.2.7:80".)");
  for (const char* const number : {"weight", "upper", "lower"}) {
    if (const auto value = fields.take(number, ConfigType::number)) argument += "," + std::string(number) + "=" + *value;
  }
  fields.nothing_else();
  return argument;
}

void read_service(const toml::node& node, const std::string& path, std::vector<ConfigArgument>& into) {
  const toml::table* const table = node.as_table();
  const Place place(path, node);
  if (table == nullptr) place.fail("service must be written as a list of tables: [[service]].");
  Fields fields(*table, "service", path);
  const std::string at = fields.take("at", ConfigType::text).value_or("");
  if (at.empty()) place.fail(R"(this service has no address: say at = "tcp://192.0.2.1:80".)");
  const auto add = [&into, &place](const char* option, const std::string& value) {
    into.push_back({std::string("--") + option, place.text()});
    if (!value.empty()) into.push_back({value, place.text()});
  };
  add("service", at);
  for (const auto& [field, type] : {std::pair{"scheduler", ConfigType::text}, {"persistent", ConfigType::number}, {"netmask", ConfigType::text}}) {
    const std::optional<std::string> value = fields.take(field, type);
    if (value && !value->empty()) add(field, *value);
  }
  if (fields.take("one_packet", ConfigType::boolean) == "true") add("one-packet", "");
  fields.nothing_else({"real"});
  const toml::node* const reals = table->get("real");
  if (reals == nullptr) return;
  if (reals->as_array() == nullptr) Place(path, *reals).fail(R"(service.real must be a list of tables, such as { at = "192.0.2.7:80", weight = 2 }.)");
  for (const toml::node& real : *reals->as_array()) {
    const std::string where = Place(path, real).text();
    into.push_back({"--real", where});
    into.push_back({real_argument(real, path), where});
  }
}

void read_knobs(const toml::node& node, const std::string& path, std::vector<ConfigArgument>& into) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) Place(path, node).fail("engine.knobs must be a table: [engine.knobs].");
  for (const auto& [key, value] : *table) {
    const Place place(path, value);
    const std::optional<std::string> text = plain_value(value);
    if (!text) place.fail("engine.knobs." + plain_text(key.str(), kShown) + " must be a number, a string or a boolean.");
    into.push_back({"--knob", place.text()});
    into.push_back({std::string(key.str()) + "=" + (value.is_boolean() ? (*text == "true" ? "1" : "0") : *text), place.text()});
  }
}

/// VSLOG_CAPTURE_JOURNAL_SIZE for capture.journal_size.
std::string variable(std::string_view key) {
  std::string name = "VSLOG_";
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

}  // namespace

void Configuration::set(std::string_view key, const std::string& written, const std::string& where) {
  const ConfigKey* const known = find_key(key);
  if (known == nullptr) throw UsageError(where + ": there is no option " + plain_text(key, kShown) + "; `vslog config check` tells more.");
  if (known->option.empty()) return;
  const std::optional<std::string> value = config_value(known->type, written);
  if (!value) throw UsageError(where + ": " + std::string(key) + " is " + shown(written) + ": it must be " + std::string(wanted(known->type)) + ".");
  settings_.insert_or_assign(std::string(known->option), Setting{*value, where + ": " + std::string(key)});
}

void Configuration::read_text(const std::string& text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    throw UsageError(path + ":" + std::to_string(parsed.error().source().begin.line) + ": this is no TOML: " + plain_text(parsed.error().description(), kShown) + ".");
  }
  for (const auto& [section, content] : parsed.table()) {
    if (section.str() == "service") {
      if (content.as_array() == nullptr) Place(path, content).fail("service must be written as a list of tables: [[service]].");
      for (const toml::node& one : *content.as_array()) read_service(one, path, services_);
      continue;
    }
    if (content.as_table() == nullptr) Place(path, content).fail("there is no option " + plain_text(section.str(), kShown) + ".");
    for (const auto& [name, node] : *content.as_table()) {
      if (section.str() == "engine" && name.str() == "knobs") {
        read_knobs(node, path, knobs_);
        continue;
      }
      const std::string key = std::string(section.str()) + "." + std::string(name.str());
      const std::optional<std::string> value = plain_value(node);
      if (!value) Place(path, node).fail(plain_text(key, kShown) + " must be a string, a number or a boolean.");
      set(key, *value, Place(path, node).text());
    }
  }
}

void Configuration::read_file(const std::string& path) { read_text(read_all(path), path); }

void Configuration::read_environment(const char* const* environment) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || !entry.starts_with("VSLOG_")) continue;
    const std::string_view name = entry.substr(0, equals);
    const auto* const key = std::find_if(kConfigKeys.begin(), kConfigKeys.end(), [name](const ConfigKey& one) { return variable(one.key) == name; });
    const std::string where = "environment, " + plain_text(name, kShown);
    if (key != kConfigKeys.end()) {
      set(key->key, std::string(entry.substr(equals + 1)), where);
    } else if (name.starts_with("VSLOG_CAPTURE_") || name.starts_with("VSLOG_CONNTRACK_") || name.starts_with("VSLOG_ENGINE_")) {
      throw UsageError(where + ": there is no such option; `vslog config check` tells more.");
    }
  }
}

std::vector<ConfigArgument> Configuration::arguments(bool own_services) const {
  std::vector<ConfigArgument> arguments;
  for (const auto& [option, setting] : settings_) {
    const ConfigKey* const key = std::find_if(kConfigKeys.begin(), kConfigKeys.end(), [&name = option](const ConfigKey& one) { return one.option == name; });
    if (key->type == ConfigType::boolean) {
      if (setting.value == "true") arguments.push_back({"--" + option, setting.where});
    } else if (!setting.value.empty()) {
      arguments.push_back({"--" + option, setting.where});
      arguments.push_back({setting.value, setting.where});
    }
  }
  arguments.insert(arguments.end(), knobs_.begin(), knobs_.end());
  if (!own_services) arguments.insert(arguments.end(), services_.begin(), services_.end());
  return arguments;
}

}  // namespace vslog
