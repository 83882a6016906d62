// To be preloaded: CLOCK_REALTIME shows as many nanoseconds more as the file CLOCK_STEP says. Its eight bytes are mapped, so a step takes effect at once in every process.
//
// Not by functions of the same names: ClickHouse's engine links its own clock_gettime, which no preloaded one replaces. All of them enter the vDSO, the kernel's code that
// is mapped into each process. So its entries are overwritten in this process's copy.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define PAGE 4096UL

static const volatile int64_t *step;

// The system call itself, and without errno: these stand in for code of the kernel.
static long shown(clockid_t clock, struct timespec *time) {
  long result;
#if defined(__x86_64__)
  __asm__ volatile("syscall" : "=a"(result) : "0"((long)SYS_clock_gettime), "D"((long)clock), "S"(time) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = SYS_clock_gettime;
  register long first __asm__("x0") = clock;
  register void *second __asm__("x1") = time;
  __asm__ volatile("svc 0" : "+r"(first) : "r"(number), "r"(second) : "memory");
  result = first;
#else
#error "The entries of the vDSO are not known for this processor."
#endif
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    const int64_t all = time->tv_sec * SECOND + time->tv_nsec + *step;
    time->tv_sec = all / SECOND;
    time->tv_nsec = all % SECOND;
  }
  return result;
}

static int step_clock_gettime(clockid_t clock, struct timespec *time) { return (int)shown(clock, time); }

static int step_gettimeofday(struct timeval *time, struct timezone *zone) {
  struct timespec now;
  shown(CLOCK_REALTIME, &now);
  if (time != NULL) *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  if (zone != NULL) memset(zone, 0, sizeof *zone);
  return 0;
}

static time_t step_time(time_t *out) {
  struct timespec now;
  shown(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

static const struct {
  const char *name;
  void *own;
} entries[] = {
    {"__vdso_clock_gettime", (void *)step_clock_gettime},  {"__vdso_gettimeofday", (void *)step_gettimeofday}, {"__vdso_time", (void *)step_time},
    {"__kernel_clock_gettime", (void *)step_clock_gettime}, {"__kernel_gettimeofday", (void *)step_gettimeofday},
};

static void fail(const char *why) {
  fprintf(stderr, "clock_step: %s\n", why);
  _exit(127);
}

static void overwrite(unsigned char *entry, void *own) {
#if defined(__x86_64__)
  unsigned char jump[12] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};  // movabs rax, own; jmp rax
  memcpy(jump + 2, &own, sizeof own);
#elif defined(__aarch64__)
  unsigned char jump[16] = {0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6};  // ldr x16, own; br x16
  memcpy(jump + 8, &own, sizeof own);
#endif
  unsigned char *page = (unsigned char *)((uintptr_t)entry & ~(PAGE - 1));
  if (mprotect(page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 && mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) fail("the vDSO cannot be written to");
  memcpy(entry, jump, sizeof jump);
  __builtin___clear_cache((char *)entry, (char *)entry + sizeof jump);
}

// vdso(7): a shared object in memory, with symbols; its addresses count from where it is mapped.
static void step_vdso(unsigned char *vdso) {
  const Elf64_Ehdr *header = (const void *)vdso;
  const Elf64_Phdr *segment = (const void *)(vdso + header->e_phoff);
  const Elf64_Dyn *dynamic = NULL;
  for (int i = 0; i < header->e_phnum; i++)
    if (segment[i].p_type == PT_DYNAMIC) dynamic = (const void *)(vdso + segment[i].p_offset);
  const Elf64_Sym *symbols = NULL;
  const char *names = NULL;
  for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_SYMTAB) symbols = (const void *)(vdso + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB) names = (const char *)vdso + dynamic->d_un.d_ptr;
  }
  // No entry tells how many symbols there are, but sections do.
  const Elf64_Shdr *section = (const void *)(vdso + header->e_shoff);
  size_t count = 0;
  for (int i = 0; i < header->e_shnum; i++)
    if (section[i].sh_type == SHT_DYNSYM) count = section[i].sh_size / sizeof *symbols;
  size_t found = 0;
  for (size_t i = 0; symbols != NULL && names != NULL && i < count; i++)
    for (size_t n = 0; n < sizeof entries / sizeof *entries; n++)
      if (strcmp(names + symbols[i].st_name, entries[n].name) == 0) {
        overwrite(vdso + symbols[i].st_value, entries[n].own);
        found++;
      }
  if (found < 2) fail("the vDSO has not the entries that tell the time");
}

static int (*timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

// The kernel waits by its own clock, so a deadline by this one would be an hour off, as it is with no real step. A condition may also count since boot: such times are small.
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict deadline) {
  if (timedwait == NULL) fail("a wait before the start");
  if (step == NULL || deadline->tv_sec < 1000000000) return timedwait(condition, mutex, deadline);
  const int64_t all = deadline->tv_sec * SECOND + deadline->tv_nsec - *step;
  const struct timespec kernel = {all / SECOND, all % SECOND};
  return timedwait(condition, mutex, &kernel);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CLOCK_STEP");
  const int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) fail("CLOCK_STEP is no file that can be mapped");
  close(file);
  step = mapped;
#if defined(__x86_64__)
  // There is an older one, which takes conditions of another form.
  void *next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
#else
  void *next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
#endif
  if (next == NULL) fail("there is no pthread_cond_timedwait");
  memcpy(&timedwait, &next, sizeof timedwait);
  unsigned char *vdso = (unsigned char *)getauxval(AT_SYSINFO_EHDR);
  if (vdso == NULL) fail("there is no vDSO");
  step_vdso(vdso);
}
