/*
 * Faults of a disk, for LD_PRELOAD: those of the tests (FAULT_SYNC), and a disk that is full.
 *
 * FAULT_FULL names a file. While it exists, every write to a database or its log fails with ENOSPC.
 */
#include "../../test/stores/sqlite/faults.c"

static int is_full(int fd) {
  const char *order = getenv("FAULT_FULL");
  if (order == NULL || access(order, F_OK) != 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path);
  if (length < 4) return 0;
  if (memcmp(path + length - 4, "-wal", 4) != 0 && memcmp(path + length - 3, ".db", 3) != 0) return 0;
  errno = ENOSPC;
  return 1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  ssize_t (*real)(int, const void *, size_t, off_t) =
      (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  return is_full(fd) ? -1 : real(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  ssize_t (*real)(int, const void *, size_t, off64_t) =
      (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  return is_full(fd) ? -1 : real(fd, bytes, count, offset);
}
