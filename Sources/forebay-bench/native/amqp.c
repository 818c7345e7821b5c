/* RabbitMQ by rabbitmq-c: persistent messages into a durable queue, each confirmed by it. */
#define _GNU_SOURCE
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { CHANNEL = 1, TAGS = 1 << 17 };
static const char QUEUE[] = "bench";

static amqp_connection_state_t broker;
/* Delivery tags count from 1 over all loads. */
static uint64_t published, before_load;
static uint64_t lowest = 1; /* the first tag that isn't confirmed */
static bool is_done[TAGS];

static void check(amqp_rpc_reply_t reply, const char *what) {
  if (reply.reply_type != AMQP_RESPONSE_NORMAL)
    fail("amqp: %s: %s", what,
         reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION
             ? amqp_error_string2(reply.library_error) : "refused");
}

static amqp_connection_state_t open_broker(const char *address) {
  char host[256];
  const char *colon = strrchr(address, ':');
  if (!colon || (size_t)(colon - address) >= sizeof host) fail("HOST:PORT isn't '%s'", address);
  memcpy(host, address, (size_t)(colon - address));
  host[colon - address] = 0;
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = connection ? amqp_tcp_socket_new(connection) : NULL;
  if (!socket) fail("amqp: no memory");
  int status = amqp_socket_open(socket, host, atoi(colon + 1));
  if (status != AMQP_STATUS_OK) fail("amqp: %s: %s", address, amqp_error_string2(status));
  check(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"),
        "login");
  amqp_channel_open(connection, CHANNEL);
  check(amqp_get_rpc_reply(connection), "channel.open");
  return connection;
}

static void prepare(const char *address) {
  amqp_connection_state_t connection = open_broker(address);
  amqp_queue_delete(connection, CHANNEL, amqp_cstring_bytes(QUEUE), 0, 0);
  check(amqp_get_rpc_reply(connection), "queue.delete");
  amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(QUEUE), 0, 1, 0, 0, amqp_empty_table);
  check(amqp_get_rpc_reply(connection), "queue.declare");
  check(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "connection.close");
}

static void connect_client(const char *address, const struct load *load) {
  if (load->window > TAGS / 2) fail("amqp: a window of at most %d", TAGS / 2);
  broker = open_broker(address);
  amqp_confirm_select(broker, CHANNEL);
  check(amqp_get_rpc_reply(broker), "confirm.select");
}

static void send_due(struct load *load) {
  uint64_t due = load_due(load);
  if (due == 0) return;
  if (load->sent == 0) before_load = published;
  char id[64];
  amqp_basic_properties_t properties = {
      ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG, .delivery_mode = 2};
  amqp_bytes_t body = {.len = load->payload_bytes, .bytes = (void *)load->payload};
  amqp_bytes_t queue = amqp_cstring_bytes(QUEUE);
  for (uint64_t i = 0; i < due; i++) {
    properties.message_id.len =
        (size_t)snprintf(id, sizeof id, "00112233445566778899aabbccddeeff-%llu",
                         (unsigned long long)(load->sent + i));
    properties.message_id.bytes = id;
    int status =
        amqp_basic_publish(broker, CHANNEL, amqp_empty_bytes, queue, 1, 0, &properties, body);
    if (status != AMQP_STATUS_OK) fail("amqp: publish: %s", amqp_error_string2(status));
    is_done[++published % TAGS] = false;
  }
  load_sent(load, due);
}

/* Confirmations name one tag or all up to it, and come in any order. */
static void confirmed(struct load *load, uint64_t tag, bool is_multiple) {
  uint64_t first = is_multiple ? lowest : tag, count = 0;
  for (uint64_t next = first; next <= tag; next++) {
    if (is_done[next % TAGS]) {
      if (count > 0) load_confirmed(load, next - count - before_load - 1, count);
      count = 0;
    } else {
      is_done[next % TAGS] = true;
      count++;
    }
  }
  if (count > 0) load_confirmed(load, tag - count - before_load, count);
  while (lowest <= published && is_done[lowest % TAGS]) lowest++;
}

static void take_frame(struct load *load, const amqp_frame_t *frame) {
  if (frame->frame_type != AMQP_FRAME_METHOD) return;
  if (frame->payload.method.id != AMQP_BASIC_ACK_METHOD)
    fail("amqp: %s instead of basic.ack", amqp_method_name(frame->payload.method.id));
  const amqp_basic_ack_t *ack = frame->payload.method.decoded;
  confirmed(load, ack->delivery_tag, ack->multiple);
}

static void turn(struct load *load) {
  send_due(load);
  if (!amqp_data_in_buffer(broker) && !amqp_frames_enqueued(broker))
    wait_for(load, amqp_get_sockfd(broker), false);
  struct timeval now = {0, 0};
  while (true) {
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(broker, &frame, &now);
    if (status == AMQP_STATUS_TIMEOUT) break;
    if (status != AMQP_STATUS_OK) fail("amqp: %s", amqp_error_string2(status));
    take_frame(load, &frame);
    /* What came with it is taken without asking the socket again. */
    if (!amqp_data_in_buffer(broker) && !amqp_frames_enqueued(broker)) break;
  }
  amqp_maybe_release_buffers(broker);
}

int main(int argc, char **argv) {
  static const struct native_client client = {"native-amqp", prepare, connect_client, turn};
  return native_main(&client, argc, argv);
}
