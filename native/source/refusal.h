#pragma once

#include <stdexcept>

namespace vslog {

/// Why a source cannot run here, as one sentence with what to do about it. The daemon prints it and exits with 4.
class SourceRefusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace vslog
