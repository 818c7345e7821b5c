/* A plain byte relay: Unix socket to Unix socket, one upstream connection for each client.
 *
 * It is the limit that forebayd is measured against, so it does the least that a correct relay can:
 * one read and one write for each piece of up to 64 KiB, no framing, no accounting. All connections
 * share one buffer that stays in the processor's cache; bytes are copied into a buffer of their own
 * only when the receiver doesn't take them all.
 *
 *     forebay-relay LISTEN-PATH UPSTREAM-PATH
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, EVENTS_MAX = 256, BACKLOG = 4096 };

struct pair;

/* One socket. Its pending bytes are what its peer sent and it hasn't taken yet. */
struct end {
  int fd;
  uint32_t interest;
  bool read_closed;  /* EOF came, or an error */
  bool write_closed; /* we passed the peer's EOF on */
  char *pending;     /* BUFFER_BYTES, allocated at the first partial write */
  size_t pending_start, pending_end;
  struct end *peer;
  struct pair *pair;
};

struct pair {
  struct end client, upstream;
  bool is_closed;
  struct pair *next_closed;
};

static int epoll_fd, listen_fd;
static struct sockaddr_un upstream_address;
static struct pair *closed_pairs; /* freed only after the batch of events that may name them */
static char shared[BUFFER_BYTES];
static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

static void fail(const char *what) {
  fprintf(stderr, "forebay-relay: %s: %s\n", what, strerror(errno));
  exit(1);
}

static struct sockaddr_un address_of(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "forebay-relay: path too long: %s\n", path);
    exit(2);
  }
  strcpy(address.sun_path, path);
  return address;
}

static void close_pair(struct pair *pair) {
  if (pair->is_closed) return;
  pair->is_closed = true;
  close(pair->client.fd);
  close(pair->upstream.fd);
  pair->next_closed = closed_pairs;
  closed_pairs = pair;
}

static void free_closed_pairs(void) {
  while (closed_pairs) {
    struct pair *pair = closed_pairs;
    closed_pairs = pair->next_closed;
    free(pair->client.pending);
    free(pair->upstream.pending);
    free(pair);
  }
}

/* We want to read while the peer has taken everything, and to write while it hasn't. An end that we
 * want nothing from leaves epoll, which would otherwise report its hang-up for ever. */
static void update_interest(struct end *end) {
  bool peer_is_clear = end->peer->pending_start == end->peer->pending_end;
  bool is_clear = end->pending_start == end->pending_end;
  uint32_t interest =
      (!end->read_closed && peer_is_clear ? EPOLLIN : 0u) | (is_clear ? 0u : EPOLLOUT);
  if (interest == end->interest) return;
  struct epoll_event event = {.events = interest, .data.ptr = end};
  int operation = !interest ? EPOLL_CTL_DEL : !end->interest ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_fd, operation, end->fd, &event) != 0) fail("epoll_ctl");
  end->interest = interest;
}

static void keep_pending(struct end *to, const char *bytes, size_t count) {
  if (!to->pending && !(to->pending = malloc(BUFFER_BYTES))) fail("malloc");
  memcpy(to->pending, bytes, count);
  to->pending_start = 0;
  to->pending_end = count;
}

/* Returns false if the connection broke. */
static bool write_some(struct end *to, const char *bytes, size_t count, size_t *written) {
  ssize_t result = send(to->fd, bytes, count, MSG_NOSIGNAL);
  *written = result < 0 ? 0 : (size_t)result;
  return result >= 0 || errno == EAGAIN || errno == EINTR;
}

static void pass_on_eof(struct end *to) {
  struct end *from = to->peer;
  if (!from->read_closed || to->write_closed || to->pending_start != to->pending_end) return;
  to->write_closed = true;
  shutdown(to->fd, SHUT_WR);
  if (from->write_closed) close_pair(to->pair);
}

static void readable(struct end *from) {
  struct end *to = from->peer;
  ssize_t count = read(from->fd, shared, sizeof shared);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) close_pair(from->pair);
    return;
  }
  if (count == 0) {
    from->read_closed = true;
    pass_on_eof(to);
  } else {
    size_t written;
    if (!write_some(to, shared, (size_t)count, &written)) {
      close_pair(from->pair);
      return;
    }
    if (written == (size_t)count) return;
    keep_pending(to, shared + written, (size_t)count - written);
  }
  if (from->pair->is_closed) return;
  update_interest(from);
  update_interest(to);
}

static void writable(struct end *to) {
  size_t written;
  if (!write_some(
          to, to->pending + to->pending_start, to->pending_end - to->pending_start, &written)) {
    close_pair(to->pair);
    return;
  }
  to->pending_start += written;
  pass_on_eof(to);
  if (to->pair->is_closed) return;
  update_interest(to->peer);
  update_interest(to);
}

static void handle(struct end *end, uint32_t events) {
  if (end->pair->is_closed) return;
  if ((events & EPOLLOUT) && end->pending_start != end->pending_end) writable(end);
  if (end->pair->is_closed) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && (end->interest & EPOLLIN)) readable(end);
}

static bool watch(struct end *end) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
  end->interest = EPOLLIN;
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, end->fd, &event) == 0;
}

/* A Unix connect is done at once; it waits only while the upstream's backlog is full. */
static int connect_upstream(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int flag = 1;
  if (connect(fd, (struct sockaddr *)&upstream_address, sizeof upstream_address) != 0 ||
      ioctl(fd, FIONBIO, &flag) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static void accept_client(void) {
  int client_fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client_fd < 0) return;
  int upstream_fd = connect_upstream();
  if (upstream_fd < 0) {
    close(client_fd);
    return;
  }
  struct pair *pair = calloc(1, sizeof *pair);
  if (!pair) fail("calloc");
  pair->client = (struct end){.fd = client_fd, .peer = &pair->upstream, .pair = pair};
  pair->upstream = (struct end){.fd = upstream_fd, .peer = &pair->client, .pair = pair};
  if (!watch(&pair->client) || !watch(&pair->upstream)) close_pair(pair);
}

static void listen_at(const char *path) {
  struct sockaddr_un address = address_of(path);
  unlink(path);
  listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(listen_fd, BACKLOG) != 0)
    fail(path);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0) fail("epoll_ctl");
}

static void set_up(void) {
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: forebay-relay LISTEN-PATH UPSTREAM-PATH\n");
    return 2;
  }
  set_up();
  upstream_address = address_of(argv[2]);
  listen_at(argv[1]);
  struct epoll_event events[EVENTS_MAX];
  while (!stopped) {
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr)
        handle(events[i].data.ptr, events[i].events);
      else
        accept_client();
    }
    free_closed_pairs();
  }
  unlink(argv[1]);
  return 0;
}
