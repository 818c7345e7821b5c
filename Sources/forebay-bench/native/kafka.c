/* Kafka by librdkafka: an idempotent producer, each message's delivery report. */
#define _GNU_SOURCE
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "load.h"

static const char TOPIC[] = "bench";

static rd_kafka_t *producer;
static rd_kafka_topic_t *topic;
static int wake;
/* Reports of messages that follow each other, told together. */
static uint64_t first, count;

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
    fail("kafka: %s", error);
}

static void tell(struct load *load) {
  if (count > 0) load_confirmed(load, first, count);
  count = 0;
}

static void reported(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  if (message->err) fail("kafka: %s", rd_kafka_message_errstr(message));
  uint64_t sequence = (uint64_t)(uintptr_t)message->_private;
  if (count > 0 && sequence != first + count) tell(opaque);
  if (count++ == 0) first = sequence;
}

/* The topic is there, and its partitions have leaders. */
static void await_topic(rd_kafka_t *rk, rd_kafka_topic_t *rkt) {
  const struct rd_kafka_metadata *metadata = NULL;
  for (int i = 0; i < 100; i++) {
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 0, rkt, &metadata, 5000);
    bool is_there = !error && metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0 &&
                    !metadata->topics[0].err;
    if (!error) rd_kafka_metadata_destroy(metadata);
    if (is_there) return;
    usleep(20000);
  }
  fail("kafka: there is no topic '%s'", TOPIC);
}

static void open_kafka(const char *address, const struct load *load) {
  char text[32], error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", address);
  set(conf, "enable.idempotence", "true");
  set(conf, "acks", "all");
  set(conf, "socket.nagle.disable", "true");
  /* As forebayd has it: latency for little CPU. */
  set(conf, "linger.ms", "0.5");
  /* Else messages without a key all go to one partition for ten milliseconds, and a window goes out
   * and comes back as one request; with a linger of less, some wait for fifty. */
  set(conf, "sticky.partitioning.linger.ms", "0");
  snprintf(text, sizeof text, "%llu", (unsigned long long)load->window);
  set(conf, "queue.buffering.max.messages", text);
  rd_kafka_conf_set_dr_msg_cb(conf, reported);
  rd_kafka_conf_set_opaque(conf, (void *)load);
  producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (!producer) fail("kafka: %s", error);
  topic = rd_kafka_topic_new(producer, TOPIC, NULL);
  await_topic(producer, topic);
}

static void prepare(const char *address) {
  struct load load = {.window = 1};
  open_kafka(address, &load);
}

static void connect_client(const char *address, const struct load *load) {
  open_kafka(address, load);
  static const uint64_t one = 1;
  wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake < 0) fail("eventfd: %m");
  rd_kafka_queue_io_event_enable(rd_kafka_queue_get_main(producer), wake, &one, sizeof one);
}

static void turn(struct load *load) {
  uint64_t due = load_due(load);
  for (uint64_t i = 0; i < due; i++)
    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)load->payload,
                         load->payload_bytes, NULL, 0, (void *)(uintptr_t)(load->sent + i)) != 0)
      fail("kafka: produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
  if (due > 0) load_sent(load, due);
  wait_for(load, wake, false);
  uint64_t events;
  if (read(wake, &events, sizeof events) < 0) events = 0;
  rd_kafka_poll(producer, 0);
  tell(load);
}

int main(int argc, char **argv) {
  static const struct native_client client = {"native-kafka", prepare, connect_client, turn};
  return native_main(&client, argc, argv);
}
