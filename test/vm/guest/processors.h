// On which of the guest's processors a thread may run.
#pragma once

#include <sched.h>

namespace hand {

unsigned processors();

/// The calling thread runs on processor `number` modulo their count from now on.
void stay_on_processor(unsigned number);

/// While it lives the calling thread, and what it starts, may run on the processors from `first` to before `end` alone.
class OnProcessors {
 public:
  OnProcessors(unsigned first, unsigned end);
  OnProcessors(const OnProcessors&) = delete;
  OnProcessors& operator=(const OnProcessors&) = delete;
  ~OnProcessors();

 private:
  cpu_set_t before_;
};

}  // namespace hand
