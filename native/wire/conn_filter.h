// Which live connections a request means. Read strictly: a filter that lost a part would mean more than its sender did.
#pragma once

#include <string_view>

#include "engine/filter.h"

namespace vslog {

/// A ConnExpire.
struct ExpireRequest {
  engine::ConnFilter filter;
  bool force = false;
  bool dry_run = false;
};

/// Throws as decode_filter().
ExpireRequest decode_expire(std::string_view request);

/// The filter of a ConnList. Throws BadRequest at values out of range and at fields that are not known, protozero::exception at bytes that are no
/// message.
engine::ConnFilter decode_filter(std::string_view request);

}  // namespace vslog
