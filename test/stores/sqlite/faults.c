/*
 * Faults of a disk, for LD_PRELOAD.
 *
 * FAULT_SYNC names a file. While it exists, the next sync of a file whose name ends in "-wal" fails with EIO and removes
 * it: like the kernel, which reports lost pages once, and then says that all is well.
 * FAULT_SYNC_LOG names a file that gets one byte for each sync of such a file.
 * FAULT_FILE_SYSTEM is the magic number that every file system claims to have.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static int is_log(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path);
  return length > 4 && memcmp(path + length - 4, "-wal", 4) == 0;
}

static int fault(int fd) {
  if (!is_log(fd)) return 0;
  const char *log = getenv("FAULT_SYNC_LOG");
  if (log != NULL) {
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out >= 0) {
      if (write(out, ".", 1) < 0) perror("faults.c");
      close(out);
    }
  }
  const char *order = getenv("FAULT_SYNC");
  if (order == NULL || unlink(order) != 0) return 0;
  errno = EIO;
  return 1;
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return fault(fd) ? -1 : real(fd);
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return fault(fd) ? -1 : real(fd);
}

int statfs(const char *path, struct statfs *out) {
  int (*real)(const char *, struct statfs *) = (int (*)(const char *, struct statfs *))dlsym(RTLD_NEXT, "statfs");
  int answer = real(path, out);
  const char *type = getenv("FAULT_FILE_SYSTEM");
  if (answer == 0 && type != NULL) out->f_type = strtol(type, NULL, 0);
  return answer;
}

int statfs64(const char *path, struct statfs64 *out) {
  int (*real)(const char *, struct statfs64 *) = (int (*)(const char *, struct statfs64 *))dlsym(RTLD_NEXT, "statfs64");
  int answer = real(path, out);
  const char *type = getenv("FAULT_FILE_SYSTEM");
  if (answer == 0 && type != NULL) out->f_type = strtol(type, NULL, 0);
  return answer;
}
