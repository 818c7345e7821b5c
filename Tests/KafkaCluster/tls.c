// TLS before a relay, by certificates of both sides.
#include "cluster.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;

void tls_init(const char *certificate, const char *key, const char *authority) {
  context = SSL_CTX_new(TLS_server_method());
  if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_load_verify_locations(context, authority, NULL) != 1) {
    ERR_print_errors_fp(stderr);
    exit(1);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  // A record that isn't data mustn't be waited behind.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
}

struct secured {
  int near, far;
};

static int pass_in(SSL *ssl, int far) {
  uint8_t bytes[16384];
  int count = SSL_read(ssl, bytes, sizeof bytes);
  if (count <= 0) return SSL_get_error(ssl, count) == SSL_ERROR_WANT_READ;
  return write_all(far, bytes, (size_t)count);
}

static int pass_out(SSL *ssl, int far) {
  uint8_t bytes[16384];
  ssize_t count = read(far, bytes, sizeof bytes);
  return count > 0 && SSL_write(ssl, bytes, (int)count) == count;
}

static void pass_both_ways(SSL *ssl, struct secured *secured) {
  struct pollfd ready[2] = {{.fd = secured->near, .events = POLLIN},
                            {.fd = secured->far, .events = POLLIN}};
  for (;;) {
    if (poll(ready, 2, SSL_pending(ssl) > 0 ? 0 : -1) < 0) return;
    if ((ready[0].revents || SSL_pending(ssl) > 0) && !pass_in(ssl, secured->far)) return;
    if (ready[1].revents && !pass_out(ssl, secured->far)) return;
  }
}

static void *serve(void *argument) {
  struct secured *secured = argument;
  SSL *ssl = SSL_new(context);
  if (!ssl || SSL_set_fd(ssl, secured->near) != 1) abort();
  if (SSL_accept(ssl) == 1) pass_both_ways(ssl, secured);
  ERR_clear_error();
  SSL_free(ssl);
  close(secured->near);
  close(secured->far);
  free(secured);
  return NULL;
}

void tls_before(int near, uint16_t port) {
  struct secured *secured = malloc(sizeof *secured);
  if (!secured) abort();
  *secured = (struct secured){near, connect_to(port)};
  run_thread(serve, secured);
}
