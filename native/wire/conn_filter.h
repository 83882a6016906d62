// Which live connections a request means. Read strictly: a filter that lost a part would mean more than its sender did.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/filter.h"

namespace vslog {

/// A filter that cannot be. what() is a sentence, field() the part of it.
class BadFilter : public std::invalid_argument {
 public:
  BadFilter(std::string field, const std::string& sentence) : std::invalid_argument(sentence), field_(std::move(field)) {}
  const std::string& field() const { return field_; }

 private:
  std::string field_;
};

/// The filter of a ConnList or a ConnExpire. Throws BadFilter at values out of range and at fields that are not known, protozero::exception at bytes that are no
/// message.
engine::ConnFilter decode_filter(std::string_view request);

}  // namespace vslog
