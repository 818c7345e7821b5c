#ifndef FOREBAY_CRABBITMQ_SHIM_H
#define FOREBAY_CRABBITMQ_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

// Takes any number of arguments in C, which Swift doesn't import. For tests only: it blocks.
static inline amqp_rpc_reply_t forebay_amqp_login(amqp_connection_state_t state,
                                                  const char *virtual_host, const char *user,
                                                  const char *password) {
  return amqp_login(state, virtual_host, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, user, password);
}

#endif
