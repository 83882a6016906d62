// To be preloaded: the wall clock shows as many nanoseconds more as the file CLOCK_STEP says, eight bytes that are mapped, so a step takes effect at once, in every process that has it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *step;

__attribute__((constructor)) static void map_step(void) {
  const char *path = getenv("CLOCK_STEP");
  const int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) step = mapped;
}

// The system call itself: the vDSO's function is found by nobody here.
static int shown(clockid_t clock, struct timespec *time) {
  if (syscall(SYS_clock_gettime, clock, time) != 0) return -1;
  if (step != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    const int64_t all = time->tv_sec * SECOND + time->tv_nsec + *step;
    time->tv_sec = all / SECOND;
    time->tv_nsec = all % SECOND;
  }
  return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) { return shown(clock, time); }

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (shown(CLOCK_REALTIME, &now) != 0) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  shown(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
