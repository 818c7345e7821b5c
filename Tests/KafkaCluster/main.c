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
// Then may follow, for the relays:
//
//     tls CERTIFICATE KEY AUTHORITY      they speak TLS with those who have a certificate of this authority
//     login USER:PASSWORD                they want SASL PLAIN
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
//     login USER:PASSWORD           relays: another one, for connections from now on
//
// Before somebody else's broker, only those of relays.
//
// It ends with its standard input.
#include "cluster.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

int broker_count;
uint16_t broker_ports[BROKERS_MAX + 1];
uint16_t relay_ports[BROKERS_MAX + 1];

static void each_broker(rd_kafka_mock_cluster_t *cluster, int broker,
                        rd_kafka_resp_err_t (*change)(rd_kafka_mock_cluster_t *, int32_t)) {
  for (int id = 1; id <= broker_count; id++) {
    if (broker == 0 || broker == id) change(cluster, id);
  }
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

static void print_ports(const char *what, const uint16_t *ports) {
  printf("%s ", what);
  for (int broker = 1; broker <= broker_count; broker++)
    printf("%s127.0.0.1:%d", broker > 1 ? "," : "", ports[broker]);
  printf("\n");
}

static void start_relays(int has_tls) {
  for (int broker = 1; broker <= broker_count; broker++) {
    relay_ports[broker] = listen_for(relay_to, broker_ports[broker]);
    if (has_tls) relay_ports[broker] = listen_for(tls_before, relay_ports[broker]);
  }
  print_ports("brokers", broker_ports);
  print_ports("relays", relay_ports);
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

// Returns whether TLS is wanted.
static int read_options(int count, char **words) {
  int has_tls = 0;
  for (int i = 0; i < count;) {
    if (strcmp(words[i], "tls") == 0 && i + 3 < count) {
      tls_init(words[i + 1], words[i + 2], words[i + 3]);
      has_tls = 1;
      i += 4;
    } else if (strcmp(words[i], "login") == 0 && i + 1 < count) {
      login_want(words[i + 1]);
      i += 2;
    } else {
      exit(64);
    }
  }
  return has_tls;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc < 3) return 64;
  rd_kafka_mock_cluster_t *cluster = NULL;
  if (strcmp(argv[1], "before") == 0) {
    broker_count = 1;
    broker_ports[1] = (uint16_t)atoi(argv[2]);
  } else {
    broker_count = atoi(argv[1]);
    if (broker_count < 1 || broker_count > BROKERS_MAX) return 64;
    cluster = start_brokers(atoi(argv[2]));
  }
  start_relays(read_options(argc - 3, argv + 3));
  obey_lines(cluster);
  // What the library has goes with the process.
  _exit(0);
}
