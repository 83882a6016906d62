// Losses become loss records: exactly once each, over restarts too.
#pragma once

#include <span>
#include <vector>

#include "source/source.h"
#include "wire/journal.h"

namespace vslog {

/// The loss records that say what `totals` has beyond `reported`, which is moved on by them. A total below what was reported began anew from 0.
std::vector<ControlRecord> unreported_losses(std::span<const LossTotal> totals, LossCounts& reported, std::uint64_t now_ns);

}  // namespace vslog
