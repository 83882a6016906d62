// Whether a record is one of those that "conn ls" asks for.
#pragma once

#include <cstdint>

#include "engine/filter.h"
#include "event/conn_record.h"

namespace vslog {

/// `now_ns`: wall clock. When a connection had its last packet no record tells: a filter that asks for that matches none. Quiesced is only what has a weight: connection tracking knows none.
bool matches(const engine::ConnFilter& filter, const ConnRecord& record, std::uint64_t now_ns);

}  // namespace vslog
