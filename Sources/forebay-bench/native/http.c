/* HTTP by libcurl's multi interface: batches on kept connections, messages behind their lengths. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "load.h"

enum { BATCH = 100, CONNECTIONS_MAX = 64, LENGTH_BYTES = 4 };

struct request {
  CURL *handle;
  bool is_out;
  uint64_t first, count;
  char key[64];
  char *body;
  struct curl_slist *headers;
};

static CURLM *multi;
static struct request requests[CONNECTIONS_MAX];
static size_t connections, out;
static int timer;

static size_t ignore(char *bytes, size_t size, size_t count, void *opaque) {
  (void)bytes;
  (void)opaque;
  return size * count;
}

static void check(CURLcode code, const char *what) {
  if (code != CURLE_OK) fail("http: %s: %s", what, curl_easy_strerror(code));
}

/* Nothing has to be made: it is there if it answers. */
static void prepare(const char *address) {
  CURL *handle = curl_easy_init();
  curl_easy_setopt(handle, CURLOPT_URL, address);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "x");
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
  check(curl_easy_perform(handle), address);
  curl_easy_cleanup(handle);
}

static void connect_client(const char *address, const struct load *load) {
  connections = load->window / BATCH;
  if (connections < 1) connections = 1;
  if (connections > CONNECTIONS_MAX) connections = CONNECTIONS_MAX;
  multi = curl_multi_init();
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (!multi || timer < 0) fail("http: no memory");
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
  for (size_t i = 0; i < connections; i++) {
    CURL *handle = requests[i].handle = curl_easy_init();
    char *body = requests[i].body = malloc(BATCH * (LENGTH_BYTES + load->payload_bytes));
    if (!handle || !body) fail("http: no memory");
    curl_easy_setopt(handle, CURLOPT_URL, address);
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, &requests[i]);
  }
}

/* Messages each behind their length in four bytes. Returns how many bytes they take. */
static long encode(const struct load *load, char *body, uint64_t count) {
  uint32_t length = htonl((uint32_t)load->payload_bytes);
  char *place = body;
  for (uint64_t i = 0; i < count; i++) {
    memcpy(place, &length, LENGTH_BYTES);
    memcpy(place + LENGTH_BYTES, load->payload, load->payload_bytes);
    place += LENGTH_BYTES + load->payload_bytes;
  }
  return place - body;
}

static void send_batch(struct load *load, struct request *request, uint64_t count) {
  request->is_out = true;
  request->first = load->sent;
  request->count = count;
  curl_slist_free_all(request->headers);
  snprintf(request->key, sizeof request->key, "Idempotency-Key: %llu",
           (unsigned long long)load->sent);
  request->headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
  request->headers = curl_slist_append(request->headers, request->key);
  request->headers = curl_slist_append(request->headers, "Expect:");
  curl_easy_setopt(request->handle, CURLOPT_HTTPHEADER, request->headers);
  curl_easy_setopt(request->handle, CURLOPT_POSTFIELDSIZE, encode(load, request->body, count));
  curl_multi_add_handle(multi, request->handle);
  load_sent(load, count);
  out++;
}

/* Whole batches, and less than one only where nothing else is under way. */
static void send_due(struct load *load) {
  uint64_t due = load_due(load);
  for (size_t i = 0; i < connections && due > 0; i++) {
    if (requests[i].is_out) continue;
    if (due < BATCH && out > 0) return;
    uint64_t count = due < BATCH ? due : BATCH;
    send_batch(load, &requests[i], count);
    due -= count;
  }
}

static void take_answers(struct load *load) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    struct request *request;
    long status = 0;
    CURL *handle = message->easy_handle;
    check(message->data.result, "request");
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&request);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2) fail("http: status %ld", status);
    curl_multi_remove_handle(multi, handle);
    request->is_out = false;
    out--;
    load_confirmed(load, request->first, request->count);
  }
}

static void turn(struct load *load) {
  send_due(load);
  int running;
  curl_multi_perform(multi, &running);
  take_answers(load);
  int64_t wait = load_wait(load);
  /* As fast as it goes, a free connection is used at once. */
  if (out < connections && wait == 0) return;
  if (out == 0 && wait < 0) return;
  /* curl waits in milliseconds. */
  struct itimerspec when = {.it_value = {.tv_sec = 0, .tv_nsec = wait > 0 ? (long)wait : 0}};
  timerfd_settime(timer, 0, &when, NULL);
  struct curl_waitfd extra = {.fd = timer, .events = CURL_WAIT_POLLIN};
  curl_multi_poll(multi, &extra, 1, 1000, NULL);
}

int main(int argc, char **argv) {
  static const struct native_client client = {"native-http", prepare, connect_client, turn};
  curl_global_init(CURL_GLOBAL_ALL);
  return native_main(&client, argc, argv);
}
