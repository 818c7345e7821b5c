/* Counts a process's heap calls, from outside and without changing it; not its children's.
 *
 *     LD_PRELOAD=out/malloc-counter.so MALLOC_COUNTER_FILE=/tmp/counts forebayd …
 *
 * At exit, and whenever MALLOC_COUNTER_SIGNAL (a number; SIGUSR1 unless set) arrives, one line of
 * JSON is appended to the file, or to standard error without one. Two runs that differ by a million
 * messages and print the same counts show that a message costs no allocation.
 *
 * The calls go on to glibc under its internal names: looking the real ones up with dlsym would
 * itself allocate.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { MALLOC, CALLOC, REALLOC, ALIGNED, FREE, BYTES, KINDS };

static const char *const names[KINDS] = {"malloc", "calloc", "realloc", "aligned", "free", "bytes"};
static atomic_uint_fast64_t counts[KINDS];
static int output = STDERR_FILENO;

static void count(int kind, size_t bytes) {
  atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed);
  if (bytes) atomic_fetch_add_explicit(&counts[BYTES], bytes, memory_order_relaxed);
}

void *malloc(size_t size) {
  count(MALLOC, size);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(CALLOC, number * size);
  return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
  count(REALLOC, size);
  return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
  count(ALIGNED, size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *result = memalign(alignment, size);
  if (!result) return ENOMEM;
  *block = result;
  return 0;
}

void free(void *block) {
  if (block) count(FREE, 0);
  __libc_free(block);
}

static char *append(char *to, const char *text) {
  size_t length = strlen(text);
  memcpy(to, text, length);
  return to + length;
}

static char *append_number(char *to, uint64_t value) {
  char digits[20];
  int length = 0;
  do digits[length++] = (char)('0' + value % 10);
  while (value /= 10);
  while (length) *to++ = digits[--length];
  return to;
}

/* Called from a signal handler: no stdio, no heap. */
static void report(void) {
  char line[256], *end = line;
  for (int kind = 0; kind < KINDS; kind++) {
    end = append(end, kind ? ",\"" : "{\"");
    end = append(end, names[kind]);
    end = append(end, "\":");
    end = append_number(end, atomic_load_explicit(&counts[kind], memory_order_relaxed));
  }
  end = append(end, "}\n");
  if (write(output, line, (size_t)(end - line)) < 0) return;
}

static void signalled(int number) {
  (void)number;
  int saved = errno;
  report();
  errno = saved;
}

__attribute__((constructor)) static void begin(void) {
  unsetenv("LD_PRELOAD"); /* the programs that this one starts aren't counted */
  const char *path = getenv("MALLOC_COUNTER_FILE");
  if (path) {
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) output = file;
  }
  const char *number = getenv("MALLOC_COUNTER_SIGNAL");
  struct sigaction action = {.sa_handler = signalled, .sa_flags = SA_RESTART};
  sigaction(number ? atoi(number) : SIGUSR1, &action, NULL);
}

__attribute__((destructor)) static void finish(void) { report(); }
