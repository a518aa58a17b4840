/*
 * The disk as a program sees it, for LD_PRELOAD: records what happens to the files below one folder, and fails calls.
 *
 * RECORDER_FOLDER  the folder, with every link resolved. Nothing happens without it.
 * RECORDER_LOG     the file that gets one record per event, in the order in which the program saw them happen.
 * RECORDER_SYNC    "lie": syncs return at once and are not recorded, as on a disk that does not do what it is told.
 * RECORDER_SYNC_US how long a sync takes, in microseconds, so that others write meanwhile.
 * RECORDER_ORDERS  a file that takes orders: writing "arm N KIND" to it makes the N-th call from here on fail (KIND is
 *                  eio, enospc, short or eintr), "disarm" forgets that. It gets one line for the call that was hit.
 *
 * Nothing is synced for real: what a cut leaves is worked out from the log, so the files may lie in memory.
 *
 * A record is a header (kind, file, flags, length, offset) and `length` bytes. Files are numbered by inode, so that a
 * file that is deleted and made again is another one. The -shm of a database is mapped, not written, and rebuilt from its
 * log: it is not recorded, but its calls may fail.
 *
 * Like the kernel, a failed sync is reported once to every descriptor that was open on the file (errseq_t), and the
 * sync after that succeeds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { OPEN = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, UNLINK, RENAME, MAKE_FOLDER };
enum flag { CREATED = 1, IS_FOLDER = 2, MAIN_THREAD = 4 };
enum call { CALL_OPEN = 1, CALL_CREATE = 2, CALL_READ = 4, CALL_WRITE = 8, CALL_RESIZE = 16, CALL_SYNC = 32, CALL_NAME = 64 };
enum fault { NONE, EIO_FAULT, ENOSPC_FAULT, SHORT_FAULT, EINTR_FAULT };

struct header {
  uint32_t kind, file, flags, length;
  uint64_t offset;
};

/* What is known of an inode. A file number is an index here; 0 is no file of ours. */
struct file {
  dev_t device;
  ino_t inode;
  int silent;
  unsigned failures;
};

#define FILES_MAX 65536
#define FDS_MAX 65536

static struct file files[FILES_MAX];
static uint32_t files_known;
static uint32_t file_of_fd[FDS_MAX];
static unsigned failures_seen[FDS_MAX];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char folder[4096];
static size_t folder_length;
static int log_fd = -1, orders_fd = -1, lies;
static long sync_us;
static const char *orders_path;
static uint64_t syncs;

static enum fault armed;
static long calls_left;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_remove)(const char *);
static int (*real_rmdir)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);

static void find(void *pointer, const char *name) { *(void **)pointer = dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  find(&real_open, "open64");
  find(&real_openat, "openat64");
  find(&real_close, "close");
  find(&real_write, "write");
  find(&real_writev, "writev");
  find(&real_pwrite, "pwrite64");
  find(&real_read, "read");
  find(&real_pread, "pread64");
  find(&real_ftruncate, "ftruncate64");
  find(&real_fsync, "fsync");
  find(&real_fdatasync, "fdatasync");
  find(&real_unlink, "unlink");
  find(&real_remove, "remove");
  find(&real_rmdir, "rmdir");
  find(&real_rename, "rename");
  find(&real_mkdir, "mkdir");
  const char *given = getenv("RECORDER_FOLDER"), *log = getenv("RECORDER_LOG"), *us = getenv("RECORDER_SYNC_US");
  if (given == NULL || strlen(given) >= sizeof folder) return;
  if (log != NULL) log_fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  lies = getenv("RECORDER_SYNC") != NULL && strcmp(getenv("RECORDER_SYNC"), "lie") == 0;
  sync_us = us == NULL ? 0 : atol(us);
  orders_path = getenv("RECORDER_ORDERS");
  strcpy(folder, given);
  folder_length = strlen(folder);
}

/* The path below the folder, "" for the folder itself; NULL when it lies elsewhere. */
static const char *inside(const char *path) {
  if (folder_length == 0 || path == NULL || strncmp(path, folder, folder_length) != 0) return NULL;
  if (path[folder_length] == 0) return "";
  return path[folder_length] == '/' ? path + folder_length + 1 : NULL;
}

static int ends_in(const char *text, const char *end) {
  size_t length = strlen(text), tail = strlen(end);
  return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Under the mutex. A log that cannot be written would make a lane that sees nothing. */
static void record(enum kind kind, uint32_t file, uint32_t flags, uint64_t offset, const void *bytes, size_t length) {
  if (log_fd < 0 || (file != 0 && files[file].silent)) return;
  struct header header = {kind, file, flags, (uint32_t)length, offset};
  struct iovec parts[2] = {{&header, sizeof header}, {(void *)bytes, length}};
  if (real_writev(log_fd, parts, 2) != (ssize_t)(sizeof header + length)) {
    perror("recorder.c: cannot write the log");
    abort();
  }
}

static uint32_t file_at(int fd) { return fd >= 0 && fd < FDS_MAX ? file_of_fd[fd] : 0; }

/* The fault that this call has to suffer. Named calls of a kind count; the one that was ordered is hit. */
static enum fault suffers(enum call call, const char *name) {
  static const int suffering[] = {
      [EIO_FAULT] = ~0,
      [ENOSPC_FAULT] = CALL_CREATE | CALL_WRITE | CALL_RESIZE | CALL_SYNC | CALL_NAME,
      [SHORT_FAULT] = CALL_READ | CALL_WRITE,
      [EINTR_FAULT] = CALL_OPEN | CALL_CREATE | CALL_READ | CALL_WRITE | CALL_RESIZE | CALL_SYNC,
  };
  enum fault hit = NONE;
  pthread_mutex_lock(&mutex);
  if (armed != NONE && (suffering[armed] & call) != 0 && --calls_left == 0) {
    char line[256];
    int length = snprintf(line, sizeof line, "%s\n", name);
    hit = armed;
    armed = NONE;
    if (orders_fd >= 0 && real_write(orders_fd, line, length) != length) perror("recorder.c: cannot answer");
  }
  pthread_mutex_unlock(&mutex);
  return hit;
}

static int fails(enum fault fault) {
  if (fault == NONE || fault == SHORT_FAULT) return 0;
  errno = fault == EIO_FAULT ? EIO : fault == ENOSPC_FAULT ? ENOSPC : EINTR;
  return 1;
}

/* "call path", for the one who reads of a fault. */
static const char *called(char *text, size_t size, const char *call, int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  const char *name = inside(path);
  snprintf(text, size, "%s %s", call, name == NULL ? path : name);
  return text;
}

static void take_order(const char *order) {
  char kind[16] = "";
  long n = 0;
  pthread_mutex_lock(&mutex);
  armed = NONE;
  if (sscanf(order, "arm %ld %15s", &n, kind) == 2) {
    calls_left = n;
    armed = !strcmp(kind, "eio") ? EIO_FAULT : !strcmp(kind, "enospc") ? ENOSPC_FAULT : !strcmp(kind, "short") ? SHORT_FAULT : EINTR_FAULT;
  }
  pthread_mutex_unlock(&mutex);
}

static void opened(int fd, const char *name, int flags, int existed) {
  struct stat facts;
  if (fd >= FDS_MAX || fstat(fd, &facts) != 0) return;
  uint32_t file = 0;
  if (existed)
    for (uint32_t i = 1; i <= files_known && file == 0; i++)
      if (files[i].inode == facts.st_ino && files[i].device == facts.st_dev) file = i;
  if (file == 0) {
    if (files_known + 1 >= FILES_MAX) abort();
    /* The number of an inode that is gone may come again. */
    for (uint32_t i = 1; i <= files_known; i++)
      if (files[i].inode == facts.st_ino && files[i].device == facts.st_dev) files[i].inode = 0;
    file = ++files_known;
    files[file] = (struct file){facts.st_dev, facts.st_ino, ends_in(name, "-shm"), 0};
  }
  file_of_fd[fd] = file;
  failures_seen[fd] = files[file].failures;
  record(OPEN, file, (existed ? 0 : CREATED) | (S_ISDIR(facts.st_mode) ? IS_FOLDER : 0), 0, name, strlen(name));
  if (existed && (flags & O_TRUNC)) record(TRUNCATE, file, 0, 0, NULL, 0);
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
  const char *name = inside(path);
  if (name == NULL) {
    int fd = at == AT_FDCWD ? real_open(path, flags, mode) : real_openat(at, path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX) file_of_fd[fd] = 0;
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (fd >= 0 && writes && orders_path != NULL && strcmp(path, orders_path) == 0) orders_fd = fd;
    return fd;
  }
  char what[512];
  snprintf(what, sizeof what, "open %s", name);
  if (fails(suffers(flags & O_CREAT ? CALL_CREATE : CALL_OPEN, what))) return -1;
  pthread_mutex_lock(&mutex);
  int existed = access(path, F_OK) == 0;
  int fd = real_open(path, flags, mode);
  int error = errno;
  if (fd >= 0) opened(fd, name, flags, existed);
  pthread_mutex_unlock(&mutex);
  errno = error;
  return fd;
}

#define MODE_OF(flags)                              \
  mode_t mode = 0;                                  \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {          \
    va_list arguments;                              \
    va_start(arguments, flags);                     \
    mode = va_arg(arguments, mode_t);               \
    va_end(arguments);                              \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_file(at, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < FDS_MAX) file_of_fd[fd] = 0;
  if (fd == orders_fd) orders_fd = -1;
  return real_close(fd);
}

/* Writes and records as one step: what is in the log is in the page cache, and the other way round. */
static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset, int positioned) {
  uint32_t file = file_at(fd);
  if (file == 0) return positioned ? real_pwrite(fd, bytes, length, offset) : real_write(fd, bytes, length);
  char what[512];
  enum fault fault = suffers(CALL_WRITE, called(what, sizeof what, "write", fd));
  if (fails(fault)) return -1;
  if (fault == SHORT_FAULT && length > 1) length /= 2;
  pthread_mutex_lock(&mutex);
  if (!positioned) {
    int appends = fcntl(fd, F_GETFL) & O_APPEND;
    offset = lseek(fd, 0, appends ? SEEK_END : SEEK_CUR);
  }
  ssize_t written = positioned ? real_pwrite(fd, bytes, length, offset) : real_write(fd, bytes, length);
  int error = errno;
  if (written > 0) record(WRITE, file, 0, (uint64_t)offset, bytes, (size_t)written);
  pthread_mutex_unlock(&mutex);
  errno = error;
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset, 1); }

ssize_t write(int fd, const void *bytes, size_t length) {
  if (fd == orders_fd && fd >= 0) {
    char order[64] = "";
    memcpy(order, bytes, length < sizeof order ? length : sizeof order - 1);
    take_order(order);
    return (ssize_t)length;
  }
  return write_at(fd, bytes, length, 0, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (file_at(fd) == 0) return real_writev(fd, parts, count);
  ssize_t total = 0;
  for (int i = 0; i < count; i++) {
    ssize_t written = write_at(fd, parts[i].iov_base, parts[i].iov_len, 0, 0);
    if (written < 0) return total > 0 ? total : -1;
    total += written;
    if ((size_t)written < parts[i].iov_len) break;
  }
  return total;
}

static ssize_t read_at(int fd, void *bytes, size_t length, off64_t offset, int positioned) {
  if (file_at(fd) != 0 && armed != NONE) {
    char what[512];
    enum fault fault = suffers(CALL_READ, called(what, sizeof what, "read", fd));
    if (fails(fault)) return -1;
    if (fault == SHORT_FAULT && length > 1) length /= 2;
  }
  return positioned ? real_pread(fd, bytes, length, offset) : real_read(fd, bytes, length);
}

ssize_t read(int fd, void *bytes, size_t length) { return read_at(fd, bytes, length, 0, 0); }
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return read_at(fd, bytes, length, offset, 1); }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) { return read_at(fd, bytes, length, offset, 1); }

static int resize(int fd, off64_t size) {
  uint32_t file = file_at(fd);
  if (file == 0) return real_ftruncate(fd, size);
  char what[512];
  if (fails(suffers(CALL_RESIZE, called(what, sizeof what, "ftruncate", fd)))) return -1;
  pthread_mutex_lock(&mutex);
  int answer = real_ftruncate(fd, size);
  if (answer == 0) record(TRUNCATE, file, 0, (uint64_t)size, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return answer;
}

int ftruncate(int fd, off_t size) { return resize(fd, size); }
int ftruncate64(int fd, off64_t size) { return resize(fd, size); }

/* A sync covers what was written before it began, and counts once it has ended. */
static int sync_file(int fd, int (*real)(int)) {
  uint32_t file = file_at(fd);
  if (file == 0) return real(fd);
  char what[512];
  enum fault fault = suffers(CALL_SYNC, called(what, sizeof what, "sync", fd));
  pthread_mutex_lock(&mutex);
  if (fault == EIO_FAULT || fault == ENOSPC_FAULT) files[file].failures++;
  int refused = failures_seen[fd] != files[file].failures;
  failures_seen[fd] = files[file].failures;
  uint64_t sync = ++syncs;
  if (!refused && !lies && fault == NONE)
    record(SYNC_BEGIN, file, syscall(SYS_gettid) == getpid() ? MAIN_THREAD : 0, sync, NULL, 0);
  pthread_mutex_unlock(&mutex);
  if (sync_us > 0) nanosleep(&(struct timespec){sync_us / 1000000, sync_us % 1000000 * 1000}, NULL);
  if (refused) errno = fault == ENOSPC_FAULT ? ENOSPC : EIO;
  if (refused || fails(fault)) return -1;
  pthread_mutex_lock(&mutex);
  if (!lies) record(SYNC_END, file, 0, sync, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return 0;
}

int fsync(int fd) { return sync_file(fd, real_fsync); }
int fdatasync(int fd) { return sync_file(fd, real_fdatasync); }

static int remove_name(const char *path, int (*real)(const char *)) {
  const char *name = inside(path);
  if (name == NULL) return real(path);
  char what[512];
  snprintf(what, sizeof what, "unlink %s", name);
  if (fails(suffers(CALL_NAME, what))) return -1;
  pthread_mutex_lock(&mutex);
  int answer = real(path);
  if (answer == 0) record(UNLINK, 0, 0, 0, name, strlen(name));
  pthread_mutex_unlock(&mutex);
  return answer;
}

int unlink(const char *path) { return remove_name(path, real_unlink); }
int remove(const char *path) { return remove_name(path, real_remove); }
int rmdir(const char *path) { return remove_name(path, real_rmdir); }

int rename(const char *from, const char *to) {
  const char *old = inside(from), *name = inside(to);
  if (old == NULL || name == NULL) return real_rename(from, to);
  char both[8192];
  int length = snprintf(both, sizeof both, "rename %s", old);
  if (fails(suffers(CALL_NAME, both))) return -1;
  length = snprintf(both, sizeof both, "%s\n%s", old, name);
  pthread_mutex_lock(&mutex);
  int answer = real_rename(from, to);
  if (answer == 0) record(RENAME, 0, 0, 0, both, (size_t)length);
  pthread_mutex_unlock(&mutex);
  return answer;
}

int mkdir(const char *path, mode_t mode) {
  const char *name = inside(path);
  if (name == NULL) return real_mkdir(path, mode);
  char what[512];
  snprintf(what, sizeof what, "mkdir %s", name);
  if (fails(suffers(CALL_NAME, what))) return -1;
  pthread_mutex_lock(&mutex);
  int answer = real_mkdir(path, mode);
  if (answer == 0) record(MAKE_FOLDER, 0, 0, 0, name, strlen(name));
  pthread_mutex_unlock(&mutex);
  return answer;
}
