// Who asked, from what the kernel side wrote down.
#pragma once

#include "event/author.h"
#include "process_record.h"

namespace vslog {

Author author_of(const vslog_author& process);

}  // namespace vslog
