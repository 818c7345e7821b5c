#ifndef FOREBAY_CSSL_SHIM_H
#define FOREBAY_CSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Functions that are macros in C, which Swift doesn't import.

static inline int forebay_ssl_minimum_tls12(SSL_CTX *context) {
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// What we write lies in a buffer that may have moved when OpenSSL asks for the same bytes again.
static inline void forebay_ssl_set_modes(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
}

// The name is copied.
static inline int forebay_ssl_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline size_t forebay_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

// An empty BIO means "later", not "end".
static inline void forebay_bio_empty_is_retry(BIO *bio) { BIO_set_mem_eof_return(bio, -1); }

// The bytes in the BIO, as they lie there; they stay until it is read or written.
static inline size_t forebay_bio_bytes(BIO *bio, char **bytes) {
  long count = BIO_get_mem_data(bio, bytes);
  return count > 0 ? (size_t)count : 0;
}

static inline void forebay_bio_reset(BIO *bio) { (void)BIO_reset(bio); }

// The certificates between ours and its authority.
static inline int forebay_ssl_lend_chain(SSL_CTX *from, SSL_CTX *to) {
  STACK_OF(X509) *chain = NULL;
  if (SSL_CTX_get0_chain_certs(from, &chain) != 1) return 0;
  return chain ? (int)SSL_CTX_set1_chain(to, chain) : 1;
}

#endif
