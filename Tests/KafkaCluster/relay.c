// What stands before a broker: it rewrites addresses, and throttles, loses answers and resets.
#include "cluster.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CABLES_MAX = 256, REQUESTS_MAX = 256, API_PRODUCE = 0, API_METADATA = 3 };

static atomic_int throttle_ms;
static atomic_int answers_to_lose;

// One connection through a relay. Both threads of it use the table of requests, under its lock, and write to
// the client.
struct cable {
  int near, far;
  atomic_int users;
  pthread_mutex_t lock, near_lock;
  struct login login;
  struct {
    int32_t correlation;
    int16_t api;
    uint8_t version;
    int is_used;
  } requests[REQUESTS_MAX];
};

static pthread_mutex_t cables_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cable *cables[CABLES_MAX];

// Reads a frame, its length included; NULL at the end.
static uint8_t *read_frame(int fd, size_t *count) {
  uint8_t head[4];
  if (!read_all(fd, head, 4)) return NULL;
  size_t length = big32(head);
  if (length < 4 || length > 100u << 20) return NULL;
  uint8_t *frame = malloc(4 + length);
  if (!frame) abort();
  memcpy(frame, head, 4);
  if (!read_all(fd, frame + 4, length)) {
    free(frame);
    return NULL;
  }
  *count = 4 + length;
  return frame;
}

// The next write or read of the other side fails with ECONNRESET.
static void reset(int fd) {
  struct linger hard = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  shutdown(fd, SHUT_RD);
}

// The last of its two threads closes.
static void let_go(struct cable *cable) {
  shutdown(cable->far, SHUT_RDWR);
  shutdown(cable->near, SHUT_RD);
  if (atomic_fetch_sub(&cable->users, 1) > 1) return;
  pthread_mutex_lock(&cables_lock);
  for (int i = 0; i < CABLES_MAX; i++) {
    if (cables[i] == cable) cables[i] = NULL;
  }
  close(cable->near);
  close(cable->far);
  pthread_mutex_unlock(&cables_lock);
  free(cable);
}

static void note_request(struct cable *cable, const uint8_t *frame) {
  pthread_mutex_lock(&cable->lock);
  for (int i = 0; i < REQUESTS_MAX; i++) {
    if (cable->requests[i].is_used) continue;
    cable->requests[i].is_used = 1;
    cable->requests[i].api = (int16_t)(frame[4] << 8 | frame[5]);
    cable->requests[i].version = frame[7];
    cable->requests[i].correlation = (int32_t)big32(frame + 8);
    break;
  }
  pthread_mutex_unlock(&cable->lock);
}

static int api_of_answer(struct cable *cable, const uint8_t *frame, int *version) {
  int32_t correlation = (int32_t)big32(frame + 4);
  int api = -1;
  pthread_mutex_lock(&cable->lock);
  for (int i = 0; i < REQUESTS_MAX && api < 0; i++) {
    if (!cable->requests[i].is_used || cable->requests[i].correlation != correlation) continue;
    cable->requests[i].is_used = 0;
    api = cable->requests[i].api;
    *version = cable->requests[i].version;
  }
  pthread_mutex_unlock(&cable->lock);
  return api;
}

// Wherever a broker's address stands, its relay's port replaces its own.
static void point_to_relays(uint8_t *frame, size_t count) {
  static const uint8_t host[] = "\0\011127.0.0.1";
  const size_t host_bytes = sizeof host - 1;
  for (size_t at = 8; at + host_bytes + 4 <= count; at++) {
    if (memcmp(frame + at, host, host_bytes) != 0) continue;
    for (int broker = 1; broker <= broker_count; broker++) {
      if (big32(frame + at + host_bytes) != broker_ports[broker]) continue;
      put_big32(frame + at + host_bytes, relay_ports[broker]);
      break;
    }
  }
}

static int write_near(struct cable *cable, const uint8_t *from, size_t count) {
  pthread_mutex_lock(&cable->near_lock);
  int written = write_all(cable->near, from, count);
  pthread_mutex_unlock(&cable->near_lock);
  return written;
}

// What the login answers itself, the broker never sees.
static int pass_request(struct cable *cable, const uint8_t *frame, size_t count) {
  uint8_t answer[256];
  size_t answered = 0;
  if (count < 12) return 0;
  if (!login_allows(&cable->login, frame, count, answer, &answered))
    return answered > 0 && write_near(cable, answer, answered);
  note_request(cable, frame);
  return write_all(cable->far, frame, count);
}

static void *pass_requests(void *argument) {
  struct cable *cable = argument;
  size_t count;
  uint8_t *frame;
  int goes_on = 1;
  while (goes_on && (frame = read_frame(cable->near, &count)) != NULL) {
    goes_on = pass_request(cable, frame, count);
    free(frame);
  }
  let_go(cable);
  return NULL;
}

static void *pass_answers(void *argument) {
  struct cable *cable = argument;
  size_t count;
  uint8_t *frame;
  int goes_on = 1;
  while (goes_on && (frame = read_frame(cable->far, &count)) != NULL) {
    int version = 0;
    int api = count >= 8 ? api_of_answer(cable, frame, &version) : -1;
    if (api == API_METADATA) point_to_relays(frame, count);
    if (api == API_VERSIONS && login_is_wanted()) frame = login_announced(frame, &count, version);
    if (api == API_PRODUCE) {
      // Up to version 8, the last field is the time of throttling.
      int milliseconds = atomic_load(&throttle_ms);
      if (milliseconds > 0) put_big32(frame + count - 4, (uint32_t)milliseconds);
      if (atomic_load(&answers_to_lose) > 0 && atomic_fetch_sub(&answers_to_lose, 1) > 0) {
        reset(cable->near);
        goes_on = 0;
      }
    }
    if (goes_on) goes_on = write_near(cable, frame, count);
    free(frame);
  }
  let_go(cable);
  return NULL;
}

void relay_to(int near, uint16_t broker_port) {
  int on = 1;
  int far = connect_to(broker_port);
  struct cable *cable = far >= 0 ? calloc(1, sizeof *cable) : NULL;
  if (!cable) {
    close(near);
    if (far >= 0) close(far);
    return;
  }
  setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  cable->near = near;
  cable->far = far;
  atomic_store(&cable->users, 2);
  pthread_mutex_init(&cable->lock, NULL);
  pthread_mutex_init(&cable->near_lock, NULL);
  pthread_mutex_lock(&cables_lock);
  for (int i = 0; i < CABLES_MAX; i++) {
    if (cables[i]) continue;
    cables[i] = cable;
    break;
  }
  pthread_mutex_unlock(&cables_lock);
  run_thread(pass_requests, cable);
  run_thread(pass_answers, cable);
}

static void reset_cables(void) {
  pthread_mutex_lock(&cables_lock);
  for (int i = 0; i < CABLES_MAX; i++) {
    if (cables[i]) reset(cables[i]->near);
  }
  pthread_mutex_unlock(&cables_lock);
}

int obey_relay(const char *line) {
  int count;
  if (sscanf(line, "throttle %d", &count) == 1) {
    atomic_store(&throttle_ms, count);
    return 1;
  }
  if (sscanf(line, "lose %d", &count) == 1) {
    atomic_store(&answers_to_lose, count);
    return 1;
  }
  char login[256];
  if (sscanf(line, "login %255s", login) == 1) {
    login_want(login);
    return 1;
  }
  if (strncmp(line, "reset", 5) == 0) {
    reset_cables();
    return 1;
  }
  return 0;
}
