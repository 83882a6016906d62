// Words of a command to what they mean. All throw std::runtime_error that names the word.
#pragma once

#include <string>
#include <vector>

#include "engine/config.h"

namespace vslog::conformance {

std::vector<std::string> words_of(const std::string& line);
std::uint64_t number(const std::string& word);
std::uint8_t protocol(const std::string& word);
/// 4 or 6.
std::uint8_t family_of(const std::string& address);
engine::Endpoint endpoint(const std::string& address, const std::string& port);
/// PROTOCOL ADDRESS PORT, or "mark" MARK FAMILY.
engine::ServiceKey service_key(const std::string& a, const std::string& b, const std::string& c);
/// key=value words after a service's key.
engine::ServiceConfig service(const engine::ServiceKey& key, const std::vector<std::string>& settings);
engine::RealConfig real(const engine::Endpoint& at, const std::vector<std::string>& settings);

}  // namespace vslog::conformance
