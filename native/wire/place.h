// A Place of proto/vslog/v1/socket.proto.
#pragma once

#include <string_view>

#include "engine/filter.h"

namespace vslog {

/// `name`: of the field that holds it, for sentences. Throws BadRequest, and protozero::exception at bytes that are no message.
engine::Place decode_place(std::string_view bytes, const char* name);

}  // namespace vslog
