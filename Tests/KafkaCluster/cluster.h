// What the parts of the cluster share.
#ifndef FOREBAY_KAFKA_CLUSTER_H
#define FOREBAY_KAFKA_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

enum { BROKERS_MAX = 8, API_VERSIONS = 18 };

// Ports by broker, from 1. What clients are told of a broker is the port of the relay before it.
extern int broker_count;
extern uint16_t broker_ports[BROKERS_MAX + 1];
extern uint16_t relay_ports[BROKERS_MAX + 1];

// bytes.c
uint32_t big32(const uint8_t *p);
void put_big32(uint8_t *p, uint32_t value);
int read_all(int fd, uint8_t *into, size_t count);
int write_all(int fd, const uint8_t *from, size_t count);
// A listener on loopback whose connections `serve` takes, on a thread of its own; returns its port.
uint16_t listen_for(void (*serve)(int fd, uint16_t target), uint16_t target);
int connect_to(uint16_t port);
void run_thread(void *(*body)(void *), void *argument);

// relay.c
void relay_to(int near, uint16_t broker_port);
// Whether it was a command for relays.
int obey_relay(const char *line);

// login.c
struct login {
  enum { LOGIN_NONE, LOGIN_MECHANISM, LOGIN_DONE } state;
};
// Connections must say USER:PASSWORD first.
void login_want(const char *login);
int login_is_wanted(void);
// Whether a request is passed on. If not, `answer` is what to answer, its length included, or it is empty and
// the connection ends. `answer` has room for 256 bytes.
int login_allows(struct login *login, const uint8_t *frame, size_t count, uint8_t *answer,
                 size_t *answered);
// The answer to an ApiVersions request of such a version, which says that there is a login, too.
// Takes the frame and returns another.
uint8_t *login_announced(uint8_t *frame, size_t *count, int version);

// tls.c
void tls_init(const char *certificate, const char *key, const char *authority);
// Speaks TLS with who connects, and passes on what it says.
void tls_before(int near, uint16_t port);

#endif
