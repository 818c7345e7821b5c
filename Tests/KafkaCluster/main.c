// A Kafka cluster for tests: librdkafka's mock brokers in a process of their own, spoken to over real
// TCP on loopback, and made to misbehave by lines on standard input.
//
// In front of each broker is a relay, since the mock brokers neither throttle nor lose answers. Clients
// that are given the relays' addresses stay with them: in what brokers say of the cluster, the relays'
// ports stand in place of theirs.
//
//     KafkaCluster BROKERS PARTITIONS
//     KafkaCluster before PORT           no mock brokers: a relay before somebody else's broker
//
// It prints `brokers HOST:PORT,…` and `relays HOST:PORT,…`, and then `ok` for each line it has done:
//
//     topic NAME PARTITIONS         makes one
//     topic-error NAME CODE         what its description says from now on, 0 for nothing
//     error API CODE COUNT          the answers to the next requests of a kind (0: Produce)
//     down BROKER | up BROKER       0 for all
//     rtt BROKER MILLISECONDS       how long each answer takes
//     leader TOPIC PARTITION BROKER
//     throttle MILLISECONDS         relays: what answers to Produce say of quotas, 0 for nothing
//     lose COUNT                    relays: so many answers to Produce are lost with their connections
//     reset                         relays: every connection is reset
//
// Before somebody else's broker, only the last three.
//
// It ends with its standard input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum { BROKERS_MAX = 8, CABLES_MAX = 256, REQUESTS_MAX = 256, API_PRODUCE = 0, API_METADATA = 3 };

static int broker_count;
static uint16_t broker_ports[BROKERS_MAX + 1];
static uint16_t relay_ports[BROKERS_MAX + 1];
static atomic_int throttle_ms;
static atomic_int answers_to_lose;

// One connection through a relay. Both threads of it use the table of requests, under its lock.
struct cable {
  int near, far;
  atomic_int users;
  pthread_mutex_t lock;
  struct {
    int32_t correlation;
    int16_t api;
    int is_used;
  } requests[REQUESTS_MAX];
};

static pthread_mutex_t cables_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cable *cables[CABLES_MAX];

static uint32_t big32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_big32(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static int read_all(int fd, uint8_t *into, size_t count) {
  while (count > 0) {
    ssize_t n = read(fd, into, count);
    if (n <= 0) return 0;
    into += n;
    count -= (size_t)n;
  }
  return 1;
}

static int write_all(int fd, const uint8_t *from, size_t count) {
  while (count > 0) {
    ssize_t n = write(fd, from, count);
    if (n <= 0) return 0;
    from += n;
    count -= (size_t)n;
  }
  return 1;
}

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
    cable->requests[i].correlation = (int32_t)big32(frame + 8);
    break;
  }
  pthread_mutex_unlock(&cable->lock);
}

static int api_of_answer(struct cable *cable, const uint8_t *frame) {
  int32_t correlation = (int32_t)big32(frame + 4);
  int api = -1;
  pthread_mutex_lock(&cable->lock);
  for (int i = 0; i < REQUESTS_MAX && api < 0; i++) {
    if (!cable->requests[i].is_used || cable->requests[i].correlation != correlation) continue;
    cable->requests[i].is_used = 0;
    api = cable->requests[i].api;
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

static void *pass_requests(void *argument) {
  struct cable *cable = argument;
  size_t count;
  uint8_t *frame;
  while ((frame = read_frame(cable->near, &count)) != NULL) {
    if (count >= 12) note_request(cable, frame);
    int written = write_all(cable->far, frame, count);
    free(frame);
    if (!written) break;
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
    int api = count >= 8 ? api_of_answer(cable, frame) : -1;
    if (api == API_METADATA) point_to_relays(frame, count);
    if (api == API_PRODUCE) {
      // Up to version 8, the last field is the time of throttling.
      int milliseconds = atomic_load(&throttle_ms);
      if (milliseconds > 0) put_big32(frame + count - 4, (uint32_t)milliseconds);
      if (atomic_load(&answers_to_lose) > 0 && atomic_fetch_sub(&answers_to_lose, 1) > 0) {
        reset(cable->near);
        goes_on = 0;
      }
    }
    if (goes_on) goes_on = write_all(cable->near, frame, count);
    free(frame);
  }
  let_go(cable);
  return NULL;
}

static int connect_to(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static void open_cable(int near, uint16_t port) {
  int on = 1;
  int far = connect_to(port);
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
  pthread_mutex_lock(&cables_lock);
  for (int i = 0; i < CABLES_MAX; i++) {
    if (cables[i]) continue;
    cables[i] = cable;
    break;
  }
  pthread_mutex_unlock(&cables_lock);
  pthread_t thread;
  if (pthread_create(&thread, NULL, pass_requests, cable) != 0) abort();
  pthread_detach(thread);
  if (pthread_create(&thread, NULL, pass_answers, cable) != 0) abort();
  pthread_detach(thread);
}

struct relay {
  int listener;
  uint16_t target;
};

static void *accept_cables(void *argument) {
  struct relay relay = *(struct relay *)argument;
  free(argument);
  for (;;) {
    int near = accept(relay.listener, NULL, NULL);
    if (near >= 0) open_cable(near, relay.target);
  }
  return NULL;
}

static uint16_t start_relay(uint16_t target) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  struct relay *relay = malloc(sizeof *relay);
  if (!relay) abort();
  relay->target = target;
  relay->listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(relay->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(relay->listener, 64) != 0 ||
      getsockname(relay->listener, (struct sockaddr *)&address, &size) != 0) {
    perror("relay");
    exit(1);
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, accept_cables, relay) != 0) abort();
  pthread_detach(thread);
  return ntohs(address.sin_port);
}

static void reset_cables(void) {
  pthread_mutex_lock(&cables_lock);
  for (int i = 0; i < CABLES_MAX; i++) {
    if (cables[i]) reset(cables[i]->near);
  }
  pthread_mutex_unlock(&cables_lock);
}

static void each_broker(rd_kafka_mock_cluster_t *cluster, int broker,
                        rd_kafka_resp_err_t (*change)(rd_kafka_mock_cluster_t *, int32_t)) {
  for (int id = 1; id <= broker_count; id++) {
    if (broker == 0 || broker == id) change(cluster, id);
  }
}

// Whether it was understood.
static int obey_relay(const char *line) {
  int count;
  if (sscanf(line, "throttle %d", &count) == 1) {
    atomic_store(&throttle_ms, count);
    return 1;
  }
  if (sscanf(line, "lose %d", &count) == 1) {
    atomic_store(&answers_to_lose, count);
    return 1;
  }
  if (strncmp(line, "reset", 5) == 0) {
    reset_cables();
    return 1;
  }
  return 0;
}

static int obey_broker(rd_kafka_mock_cluster_t *cluster, const char *line) {
  char name[256];
  int a, b, c;
  if (sscanf(line, "topic %255s %d", name, &a) == 2) {
    return rd_kafka_mock_topic_create(cluster, name, a, broker_count) == 0;
  }
  if (sscanf(line, "topic-error %255s %d", name, &a) == 2) {
    rd_kafka_mock_topic_set_error(cluster, name, (rd_kafka_resp_err_t)a);
    return 1;
  }
  if (sscanf(line, "error %d %d %d", &a, &b, &c) == 3) {
    rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)b;
    if (c == 0) rd_kafka_mock_clear_request_errors(cluster, (int16_t)a);
    for (int i = 0; i < c; i++) {
      rd_kafka_mock_push_request_errors_array(cluster, (int16_t)a, 1, &code);
    }
    return 1;
  }
  if (sscanf(line, "rtt %d %d", &a, &b) == 2) {
    for (int id = 1; id <= broker_count; id++) {
      if (a == 0 || a == id) rd_kafka_mock_broker_set_rtt(cluster, id, b);
    }
    return 1;
  }
  if (sscanf(line, "leader %255s %d %d", name, &a, &b) == 3) {
    return rd_kafka_mock_partition_set_leader(cluster, name, a, b) == 0;
  }
  if (sscanf(line, "down %d", &a) == 1) {
    each_broker(cluster, a, rd_kafka_mock_broker_set_down);
    return 1;
  }
  if (sscanf(line, "up %d", &a) == 1) {
    each_broker(cluster, a, rd_kafka_mock_broker_set_up);
    return 1;
  }
  return 0;
}

static void obey_lines(rd_kafka_mock_cluster_t *cluster) {
  char line[1024];
  while (fgets(line, sizeof line, stdin)) {
    int understood = obey_relay(line) || (cluster && obey_broker(cluster, line));
    printf(understood ? "ok\n" : "what?\n");
    fflush(stdout);
  }
}

// Prints the addresses of all brokers and of the relays before them.
static void start_relays(void) {
  for (int relay = 0; relay <= 1; relay++) {
    printf(relay ? "\nrelays " : "brokers ");
    for (int broker = 1; broker <= broker_count; broker++) {
      if (relay) relay_ports[broker] = start_relay(broker_ports[broker]);
      printf("%s127.0.0.1:%d", broker > 1 ? "," : "",
             relay ? relay_ports[broker] : broker_ports[broker]);
    }
  }
  printf("\n");
  fflush(stdout);
}

static rd_kafka_mock_cluster_t *start_brokers(int partitions) {
  char text[512];
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
  if (!client) {
    fprintf(stderr, "%s\n", text);
    exit(1);
  }
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, broker_count);
  if (partitions > 0) rd_kafka_mock_topic_create(cluster, "forebay", partitions, broker_count);
  const char *place = rd_kafka_mock_cluster_bootstraps(cluster);
  for (int broker = 1; broker <= broker_count; broker++) {
    place = strchr(place, ':') + 1;
    broker_ports[broker] = (uint16_t)atoi(place);
  }
  return cluster;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  rd_kafka_mock_cluster_t *cluster = NULL;
  if (argc == 3 && strcmp(argv[1], "before") == 0) {
    broker_count = 1;
    broker_ports[1] = (uint16_t)atoi(argv[2]);
  } else {
    broker_count = argc > 1 ? atoi(argv[1]) : 3;
    if (broker_count < 1 || broker_count > BROKERS_MAX) return 64;
    cluster = start_brokers(argc > 2 ? atoi(argv[2]) : 0);
  }
  start_relays();
  obey_lines(cluster);
  // What the library has goes with the process.
  _exit(0);
}
