#ifndef FOREBAY_CKAFKA_SHIM_H
#define FOREBAY_CKAFKA_SHIM_H

#include <librdkafka/rdkafka.h>

// rd_kafka_produceva wants an array of unions, which C fills in a few stores and Swift doesn't. Headers
// are taken over if it succeeds, as by the library itself.
static inline rd_kafka_resp_err_t forebay_kafka_produce(
    rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *payload,
    size_t payload_bytes, const void *key, size_t key_bytes, rd_kafka_headers_t *headers,
    void *opaque) {
  if (!headers) {
    return rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, (void *)payload, payload_bytes,
                            key, key_bytes, opaque) == 0
               ? RD_KAFKA_RESP_ERR_NO_ERROR
               : rd_kafka_last_error();
  }
  rd_kafka_vu_t parts[7];
  parts[0].vtype = RD_KAFKA_VTYPE_RKT;
  parts[0].u.rkt = topic;
  parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[1].u.i32 = partition;
  parts[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[2].u.i = RD_KAFKA_MSG_F_COPY;
  parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[3].u.mem.ptr = (void *)payload;
  parts[3].u.mem.size = payload_bytes;
  parts[4].vtype = RD_KAFKA_VTYPE_KEY;
  parts[4].u.mem.ptr = (void *)key;
  parts[4].u.mem.size = key_bytes;
  parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[5].u.ptr = opaque;
  parts[6].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[6].u.headers = headers;
  rd_kafka_error_t *error = rd_kafka_produceva(rk, parts, 7);
  if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}

#endif
