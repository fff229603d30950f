/* A slow disk, to be preloaded: every fsync and fdatasync takes at least SLOW_FSYNC_MS, whatever the disk below does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int slowly(const char *name, int fd) {
  const char *text = getenv("SLOW_FSYNC_MS");
  double until = now_ms() + (text ? atof(text) : 0);
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int result = real(fd);
  for (double left = until - now_ms(); left > 0; left = until - now_ms()) {
    struct timespec wait = {(time_t)(left / 1e3), (long)(left * 1e6) % 1000000000L};
    nanosleep(&wait, NULL);
  }
  return result;
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
