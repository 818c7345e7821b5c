#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A load with a rate looks for what is due so often, as the bench's own load does. */
static const uint64_t BEAT = 100 * 1000;
/* Of a load with a rate, the latency of one message in so many is recorded. */
enum { SAMPLE = 8 };
/* Latencies by their highest bit and the seven below it: to 0.8 %. */
enum { SUB_BITS = 7, BUCKETS = 64 << SUB_BITS };
/* After this without an end something is broken. */
enum { PATIENCE = 60 };
enum { TIMES_MIN = 1 << 14 };

static uint64_t times_mask;

uint64_t monotonic_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t cpu_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static bool is_sending(const struct load *load, uint64_t now) { return now < load->deadline; }

/* How many should have been sent by now. */
static uint64_t scheduled(const struct load *load, uint64_t now) {
  return (uint64_t)((double)(now - load->started) * load->rate / 1e9);
}

uint64_t load_due(const struct load *load) {
  uint64_t now = monotonic_now();
  if (!is_sending(load, now)) return 0;
  uint64_t room = load->window - (load->sent - load->confirmed);
  if (load->rate == 0) return room;
  uint64_t due = scheduled(load, now);
  due = due > load->sent ? due - load->sent : 0;
  return due < room ? due : room;
}

void load_sent(struct load *load, uint64_t count) {
  if (load->rate == 0) {
    uint64_t now = monotonic_now();
    for (uint64_t i = 0; i < count; i++) load->times[(load->sent + i) & times_mask] = now;
  }
  load->sent += count;
}

static void record(struct load *load, uint64_t latency, uint64_t count) {
  unsigned index = (unsigned)latency;
  if (latency >> SUB_BITS) {
    unsigned bit = 63u - (unsigned)__builtin_clzll(latency);
    unsigned below = (latency >> (bit - SUB_BITS)) & ((1u << SUB_BITS) - 1);
    index = ((bit - SUB_BITS + 1) << SUB_BITS) + below;
  }
  load->histogram[index < BUCKETS ? index : BUCKETS - 1] += count;
}

void load_confirmed(struct load *load, uint64_t first, uint64_t count) {
  uint64_t now = monotonic_now();
  load->confirmed += count;
  load->last_confirmed = now;
  if (load->confirmed > load->sent) fail("more was confirmed than was sent");
  if (load->rate == 0) {
    /* What was sent together has one time. */
    for (uint64_t i = 0; i < count;) {
      uint64_t time = load->times[(first + i) & times_mask], same = 1;
      while (i + same < count && load->times[(first + i + same) & times_mask] == time) same++;
      record(load, now - time, same);
      i += same;
    }
    return;
  }
  for (uint64_t i = (SAMPLE - first % SAMPLE) % SAMPLE; i < count; i += SAMPLE) {
    uint64_t due = load->started + (uint64_t)((double)(first + i + 1) * 1e9 / load->rate);
    record(load, now > due ? now - due : 0, 1);
  }
}

int64_t load_wait(const struct load *load) {
  uint64_t now = monotonic_now();
  if (!is_sending(load, now)) return -1;
  uint64_t room = load->window - (load->sent - load->confirmed);
  if (room == 0) return -1;
  if (load->rate == 0) return 0;
  double gap = 1e9 / load->rate;
  uint64_t beat = gap > (double)BEAT ? (uint64_t)gap : BEAT;
  return (int64_t)(beat - (now - load->started) % beat);
}

void wait_for(const struct load *load, int fd, bool writes) {
  int64_t wait = load_wait(load);
  struct timespec time = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
  struct pollfd entry = {.fd = fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
  if (ppoll(&entry, 1, wait < 0 ? NULL : &time, NULL) < 0 && errno != EINTR) fail("ppoll: %m");
}

static int connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("the path is too long: %s", path);
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("%s: %m", path);
  return fd;
}

int connect_to(const char *address) {
  if (address[0] == '/') return connect_unix(address);
  char host[256];
  const char *colon = strrchr(address, ':');
  if (!colon || (size_t)(colon - address) >= sizeof host) fail("HOST:PORT isn't '%s'", address);
  memcpy(host, address, (size_t)(colon - address));
  host[colon - address] = 0;
  struct sockaddr_in place = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  if (inet_pton(AF_INET, host, &place.sin_addr) != 1) fail("'%s' is no address in numbers", host);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&place, sizeof place) != 0) fail("%s: %m", address);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

static void run(const struct native_client *client, struct load *load, double seconds) {
  memset(load->histogram, 0, BUCKETS * sizeof *load->histogram);
  load->sent = load->confirmed = 0;
  load->started = load->last_confirmed = monotonic_now();
  load->deadline = load->started + (uint64_t)(seconds * 1e9);
  while (is_sending(load, monotonic_now()) || load->confirmed < load->sent) client->turn(load);
}

static double percentile(const struct load *load, double share) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += load->histogram[i];
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += load->histogram[i];
    if (total == 0 || (double)seen < share * (double)total) continue;
    if (i < 1u << SUB_BITS) return i;
    unsigned bit = (i >> SUB_BITS) + SUB_BITS - 1;
    uint64_t low = (1ull << bit) + ((uint64_t)(i & ((1u << SUB_BITS) - 1)) << (bit - SUB_BITS));
    return (double)low + (double)(1ull << (bit - SUB_BITS)) / 2;
  }
  return 0;
}

static void usage(const struct native_client *client) {
  fail("usage: %s prepare ADDRESS | %s run ADDRESS [--seconds S] [--warm-up S] [--rate N]"
       " [--window N] [--payload BYTES]", client->name, client->name);
}

static char *make_payload(size_t bytes) {
  char *payload = malloc(bytes + 1);
  if (!payload) fail("malloc: %m");
  for (size_t i = 0; i < bytes; i++) payload[i] = (char)('a' + i % 26);
  payload[bytes] = 0;
  return payload;
}

int native_main(const struct native_client *client, int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  /* A timer's slack of 50 us would be half a beat. */
  prctl(PR_SET_TIMERSLACK, 1000);
  alarm(PATIENCE);
  if (argc == 3 && strcmp(argv[1], "prepare") == 0) {
    client->prepare(argv[2]);
    return 0;
  }
  if (argc < 3 || strcmp(argv[1], "run") != 0 || argc % 2 != 1) usage(client);
  double seconds = 1, warm_up = 0.2;
  struct load load = {.window = 1000, .payload_bytes = 128};
  for (int i = 3; i < argc; i += 2) {
    double value = atof(argv[i + 1]);
    if (strcmp(argv[i], "--seconds") == 0) seconds = value;
    else if (strcmp(argv[i], "--warm-up") == 0) warm_up = value;
    else if (strcmp(argv[i], "--rate") == 0) load.rate = value;
    else if (strcmp(argv[i], "--window") == 0 && value >= 1) load.window = (uint64_t)value;
    else if (strcmp(argv[i], "--payload") == 0) load.payload_bytes = (size_t)value;
    else usage(client);
  }
  load.payload = make_payload(load.payload_bytes);
  uint64_t times = TIMES_MIN;
  while (times < 4 * load.window) times *= 2;
  times_mask = times - 1;
  load.times = calloc(times, sizeof *load.times);
  load.histogram = calloc(BUCKETS, sizeof *load.histogram);
  if (!load.times || !load.histogram) fail("calloc: %m");
  client->connect(argv[2], &load);
  run(client, &load, warm_up);
  uint64_t cpu = cpu_now();
  run(client, &load, seconds);
  cpu = cpu_now() - cpu;
  double took = (double)(load.last_confirmed - load.started) / 1e9;
  if (load.confirmed == 0) fail("nothing was confirmed");
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"messagesPerSecond\":%.1f,\"cpuNsPerMessage\":%.2f,"
         "\"p50Microseconds\":%.2f,\"p99Microseconds\":%.2f}\n",
         (unsigned long long)load.confirmed, took, (double)load.confirmed / took,
         (double)cpu / (double)load.confirmed, percentile(&load, 0.5) / 1e3,
         percentile(&load, 0.99) / 1e3);
  return 0;
}
