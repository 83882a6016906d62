// The live connections, a piece at a time.
#pragma once

#include <functional>

#include "event/conn_record.h"

namespace vslog {

/// One walk over the connections that match, templates first. What lives all the while is shown once; what comes or goes meanwhile may be shown or not.
class ConnWalk {
 public:
  virtual ~ConnWalk() = default;
  /// Shows the next of them; some hundred at most, and none when a piece had no match. False: that was all.
  virtual bool next(const std::function<void(const ConnRecord&)>& each) = 0;
};

}  // namespace vslog
