/* What the native clients of `forebay-bench upstreams` have in common: the same load that the bench
 * makes for forebayd, and what is printed of it.
 *
 *     native-NAME prepare ADDRESS
 *     native-NAME run ADDRESS [--seconds S] [--warm-up S] [--rate N] [--window N] [--payload BYTES]
 *
 * `prepare` makes what messages go to, empty. `run` sends as many messages as the window allows, or
 * at an even rate, waits for each to be confirmed, and prints one line of JSON. CPU time is that of
 * the whole process from the first message to the last confirmation, after a warm-up.
 */
#ifndef FOREBAY_NATIVE_LOAD_H
#define FOREBAY_NATIVE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
  uint64_t window;
  double rate; /* messages a second; 0: as many as the window allows */
  size_t payload_bytes;
  const char *payload;

  uint64_t sent, confirmed;
  uint64_t started, deadline; /* ns */
  uint64_t last_confirmed;
  uint64_t *times; /* when a message was sent, by its sequence, in a ring */
  uint64_t *histogram;
};

/* How many messages may be sent now; those that are must be told by load_sent. */
uint64_t load_due(const struct load *load);
/* The next `count` sequences are on their way. The first message of a load is number 0. */
void load_sent(struct load *load, uint64_t count);
/* Messages are confirmed, in any order. */
void load_confirmed(struct load *load, uint64_t first, uint64_t count);
/* Nanoseconds until something may have to be sent without an answer having come; -1: never. */
int64_t load_wait(const struct load *load);

uint64_t monotonic_now(void);
/* Waits until the descriptor can be read, or written where `writes`, or load_wait is over. */
void wait_for(const struct load *load, int fd, bool writes);
/* Connects to HOST:PORT or, where it begins with a slash, to a Unix socket; fails the program. */
int connect_to(const char *address);
/* What went wrong; ends the program with status 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct native_client {
  const char *name;
  void (*prepare)(const char *address);
  void (*connect)(const char *address, const struct load *load);
  /* Sends what is due, waits for answers, takes them. */
  void (*turn)(struct load *load);
};

int native_main(const struct native_client *client, int argc, char **argv);

#endif
