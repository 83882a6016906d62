#include "processors.h"

#include <unistd.h>

#include "netns.h"

namespace hand {
namespace {

void stay_on(unsigned first, unsigned end) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (unsigned i = first; i < end; ++i) CPU_SET(i, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("cannot choose the processor");
}

}  // namespace

unsigned processors() { return static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)); }

void stay_on_processor(unsigned number) {
  const unsigned chosen = number % processors();
  stay_on(chosen, chosen + 1);
}

OnProcessors::OnProcessors(unsigned first, unsigned end) {
  if (sched_getaffinity(0, sizeof before_, &before_) != 0) fail("cannot read the processors");
  stay_on(first, end);
}

OnProcessors::~OnProcessors() { sched_setaffinity(0, sizeof before_, &before_); }

}  // namespace hand
