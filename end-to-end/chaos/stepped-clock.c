/* A wall clock that can be put wrong, to be preloaded: it reads as many ms beside the true one as the file that STEPPED_CLOCK names says,
   a 64-bit number that may change at any moment. Time that only runs (CLOCK_MONOTONIC) is left alone, as setting a clock leaves it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_ms;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_offset(void) {
  real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const char *name = getenv("STEPPED_CLOCK");
  int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) offset_ms = at;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *t) {
  if (!real_clock_gettime) open_offset();
  int result = real_clock_gettime(id, t);
  if (result != 0 || !offset_ms || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return result;
  int64_t by = *offset_ms;
  t->tv_sec += by / 1000;
  t->tv_nsec += by % 1000 * 1000000;
  if (t->tv_nsec >= 1000000000) t->tv_nsec -= 1000000000, t->tv_sec++;
  if (t->tv_nsec < 0) t->tv_nsec += 1000000000, t->tv_sec--;
  return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  (void)zone;
  struct timespec now;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec, t->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
