// Source `scripted`: made-up connections, for tests and for people without a balancer. What it tells is a function of a record's number, so that a
// restart goes on where the journal stands.
#pragma once

#include <cstdint>
#include <memory>

#include "source/source.h"

namespace vslog {

struct ScriptedOptions {
  std::uint64_t events = 0;    ///< how many in all; 0: without end
  std::uint64_t rate = 1000;   ///< a second; 0: as fast as possible
  std::uint64_t seed = 1;      ///< another seed, other connections
  std::uint64_t start_s = 0;   ///< unix seconds of the first one, which makes times a function of the number too; 0: they are of now
};

/// The record with this number, from 0. Its times are set when `options.start_s` is.
ConnRecord scripted_conn(const ScriptedOptions& options, std::uint64_t number);

/// True when the record with this number is a control record: a knob that was changed.
bool is_scripted_control(std::uint64_t number);

std::unique_ptr<Source> make_scripted_source(const ScriptedOptions& options);

}  // namespace vslog
