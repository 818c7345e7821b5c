/* Redis Streams by hiredis: XADD pipelined on one connection. Entries have the fields that forebayd
 * writes, an id too: whoever sends at least once needs one. */
#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char STREAM[] = "bench";
static redisContext *redis;
static bool is_written = true;

static redisContext *open_redis(const char *address) {
  redisContext *context = redisConnectFd(connect_to(address));
  if (!context || context->err) fail("redis: %s", context ? context->errstr : "no memory");
  return context;
}

static void prepare(const char *address) {
  redisContext *context = open_redis(address);
  redisReply *reply = redisCommand(context, "DEL %s", STREAM);
  if (!reply || reply->type == REDIS_REPLY_ERROR) fail("DEL: %s", reply ? reply->str : "no answer");
}

static void connect_client(const char *address, const struct load *load) {
  (void)load;
  redis = open_redis(address);
  fcntl(redis->fd, F_SETFL, fcntl(redis->fd, F_GETFL) | O_NONBLOCK);
  /* So says hiredis: it then takes EAGAIN for what it is. */
  redis->flags &= ~REDIS_BLOCK;
}

static void send_due(struct load *load) {
  uint64_t due = load_due(load);
  char id[64];
  const char *words[] = {"XADD", STREAM, "MAXLEN", "~", "100000", "*",
                         "data", load->payload, "id", id};
  size_t lengths[] = {4, sizeof STREAM - 1, 6, 1, 6, 1, 4, load->payload_bytes, 2, 0};
  for (uint64_t i = 0; i < due; i++) {
    lengths[9] = (size_t)snprintf(id, sizeof id, "00112233445566778899aabbccddeeff-%llu",
                                  (unsigned long long)(load->sent + i));
    if (redisAppendCommandArgv(redis, 10, words, lengths) != REDIS_OK)
      fail("redis: %s", redis->errstr);
  }
  if (due > 0) {
    load_sent(load, due);
    is_written = false;
  }
}

static void turn(struct load *load) {
  send_due(load);
  int done = is_written;
  if (!done && redisBufferWrite(redis, &done) != REDIS_OK) fail("redis: %s", redis->errstr);
  is_written = done;
  wait_for(load, redis->fd, !is_written);
  if (redisBufferRead(redis) != REDIS_OK) fail("redis: %s", redis->errstr);
  uint64_t first = load->confirmed, count = 0;
  while (true) {
    void *reply = NULL;
    if (redisGetReplyFromReader(redis, &reply) != REDIS_OK) fail("redis: %s", redis->errstr);
    if (!reply) break;
    redisReply *answer = reply;
    if (answer->type != REDIS_REPLY_STRING) fail("XADD: %s", answer->str ? answer->str : "?");
    freeReplyObject(reply);
    count++;
  }
  if (count > 0) load_confirmed(load, first, count);
}

int main(int argc, char **argv) {
  static const struct native_client client = {"native-redis", prepare, connect_client, turn};
  return native_main(&client, argc, argv);
}
