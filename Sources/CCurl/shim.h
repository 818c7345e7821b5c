#ifndef FOREBAY_CCURL_SHIM_H
#define FOREBAY_CCURL_SHIM_H

// The type checks are macros for variadic calls, which are made here only.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// Functions with a variable number of arguments, which Swift doesn't import: one for each kind of value.

static inline CURLcode forebay_curl_set_number(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode forebay_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}

// The text is copied. Null sets an option back to nothing.
static inline CURLcode forebay_curl_set_text(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode forebay_curl_set_pointer(CURL *easy, CURLoption option, const void *value) {
  return curl_easy_setopt(easy, option, (void *)value);
}

typedef size_t (*forebay_curl_receiver)(char *bytes, size_t size, size_t count, void *user);

static inline CURLcode forebay_curl_set_receiver(
    CURL *easy, CURLoption option, forebay_curl_receiver value) {
  return curl_easy_setopt(easy, option, value);
}

typedef CURLcode (*forebay_curl_securer)(CURL *easy, void *context, void *user);

static inline CURLcode forebay_curl_set_securer(CURL *easy, forebay_curl_securer value) {
  return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, value);
}

// Who makes the sockets of connections, and closes them.
static inline CURLcode forebay_curl_set_sockets(
    CURL *easy, curl_opensocket_callback make, curl_closesocket_callback end, void *user) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, make);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, user);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, end);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, user);
  return code;
}

// 0 where it isn't known.
static inline long forebay_curl_number(CURL *easy, CURLINFO info) {
  long value = 0;
  return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline curl_off_t forebay_curl_size(CURL *easy, CURLINFO info) {
  curl_off_t value = 0;
  return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline void *forebay_curl_private(CURL *easy) {
  char *value = NULL;
  return curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value) == CURLE_OK ? value : NULL;
}

// OpenSSL's session of the connection that the transfer is on now; null without TLS.
static inline void *forebay_curl_ssl(CURL *easy) {
  struct curl_tlssessioninfo *session = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session) return NULL;
  return session->backend == CURLSSLBACKEND_OPENSSL ? session->internals : NULL;
}

static inline CURLMcode forebay_curl_multi_set_number(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}

// Whom libcurl tells of sockets and of its timer.
static inline CURLMcode forebay_curl_multi_set_owner(
    CURLM *multi, curl_socket_callback socket, curl_multi_timer_callback timer, void *user) {
  CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
  if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, user);
  if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
  if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, user);
  return code;
}

#endif
