/*
 * Faults of a disk, for LD_PRELOAD.
 *
 * FAULT_SYNC names a file. While it exists, the first sync of a log (a file whose name ends in "-wal") through each
 * descriptor fails with EIO and leaves a byte in it: like the kernel, which tells each open descriptor once that pages were
 * lost, and then says that all is well (fsync(2), "Since Linux 4.13").
 * FAULT_FULL names a file. While it exists, every write to a database or its log fails with ENOSPC.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS 1024

static char told[DESCRIPTORS];

static int ends_in(int fd, const char *ending) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path);
  ssize_t wanted = (ssize_t)strlen(ending);
  return length > wanted && memcmp(path + length - wanted, ending, wanted) == 0;
}

static int sync_fails(int fd) {
  const char *order = getenv("FAULT_SYNC");
  if (order == NULL || fd < 0 || fd >= DESCRIPTORS || told[fd] || !ends_in(fd, "-wal")) return 0;
  int out = open(order, O_WRONLY | O_APPEND);
  if (out < 0) return 0;
  told[fd] = 1;
  if (write(out, ".", 1) < 0) perror("faults.c");
  close(out);
  errno = EIO;
  return 1;
}

static int is_full(int fd) {
  const char *order = getenv("FAULT_FULL");
  if (order == NULL || access(order, F_OK) != 0) return 0;
  if (!ends_in(fd, "-wal") && !ends_in(fd, ".db")) return 0;
  errno = ENOSPC;
  return 1;
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return sync_fails(fd) ? -1 : real(fd);
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return sync_fails(fd) ? -1 : real(fd);
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
