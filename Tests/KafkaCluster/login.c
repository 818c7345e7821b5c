// A login that the mock brokers haven't got: SASL PLAIN, answered by the relay.
#include "cluster.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
  API_SASL_HANDSHAKE = 17,
  API_SASL_AUTHENTICATE = 36,
  AUTHENTICATION_FAILED = 58,
};

static _Atomic(const char *) wanted;

void login_want(const char *login) { atomic_store(&wanted, strdup(login)); }
int login_is_wanted(void) { return atomic_load(&wanted) != NULL; }

struct writer {
  uint8_t *at;
};

static void put16(struct writer *w, uint16_t value) {
  *w->at++ = (uint8_t)(value >> 8);
  *w->at++ = (uint8_t)value;
}

static void put_text(struct writer *w, const char *text) {
  put16(w, (uint16_t)strlen(text));
  memcpy(w->at, text, strlen(text));
  w->at += strlen(text);
}

static struct writer begin(uint8_t *answer, const uint8_t *request) {
  struct writer w = {answer + 4};
  memcpy(w.at, request + 8, 4);
  w.at += 4;
  return w;
}

static size_t finish(struct writer w, uint8_t *answer) {
  size_t count = (size_t)(w.at - answer);
  put_big32(answer, (uint32_t)(count - 4));
  return count;
}

static size_t answer_handshake(const uint8_t *request, uint8_t *answer) {
  struct writer w = begin(answer, request);
  put16(&w, 0);
  put16(&w, 0);
  put16(&w, 1);
  put_text(&w, "PLAIN");
  return finish(w, answer);
}

static size_t answer_authenticate(const uint8_t *request, uint8_t *answer, int is_right) {
  struct writer w = begin(answer, request);
  put16(&w, is_right ? 0 : AUTHENTICATION_FAILED);
  put_text(&w, is_right ? "" : "Authentication failed");
  put_big32(w.at, 0);
  w.at += 4;
  return finish(w, answer);
}

// Behind the request's header and client id: a length, NUL USER NUL PASSWORD.
static int is_right(const uint8_t *frame, size_t count) {
  const char *login = atomic_load(&wanted), *colon = strchr(login, ':');
  size_t user = colon ? (size_t)(colon - login) : 0, expected = strlen(login) + 1;
  if (!colon || count < 14) return 0;
  uint16_t client = (uint16_t)(frame[12] << 8 | frame[13]);
  size_t at = 14 + (client == 0xffff ? 0 : client);
  if (at + 4 + expected != count || big32(frame + at) != expected) return 0;
  const uint8_t *said = frame + at + 4;
  return said[0] == 0 && memcmp(said + 1, login, user) == 0 && said[1 + user] == 0 &&
         memcmp(said + 2 + user, colon + 1, strlen(colon + 1)) == 0;
}

int login_allows(struct login *login, const uint8_t *frame, size_t count, uint8_t *answer,
                 size_t *answered) {
  int api = frame[4] << 8 | frame[5];
  if (!login_is_wanted() || login->state == LOGIN_DONE || api == API_VERSIONS) return 1;
  if (login->state == LOGIN_NONE && api == API_SASL_HANDSHAKE) {
    login->state = LOGIN_MECHANISM;
    *answered = answer_handshake(frame, answer);
  } else if (login->state == LOGIN_MECHANISM && api == API_SASL_AUTHENTICATE) {
    int right = is_right(frame, count);
    login->state = right ? LOGIN_DONE : LOGIN_NONE;
    *answered = answer_authenticate(frame, answer, right);
  }
  return 0;
}

uint8_t *login_announced(uint8_t *frame, size_t *count, int version) {
  // Length, correlation, error; then the number of entries and they themselves.
  int is_compact = version >= 3;
  size_t entry = is_compact ? 7 : 6, head = 10 + (is_compact ? 1 : 4);
  // "Not in this version" is answered by another question.
  if (*count < head || frame[8] != 0 || frame[9] != 0) return frame;
  uint32_t entries = is_compact ? frame[10] - 1u : big32(frame + 10);
  size_t end = head + entries * entry;
  if (end > *count || entries > 100) return frame;
  static const uint8_t added[2][7] = {{0, API_SASL_HANDSHAKE, 0, 0, 0, 1, 0},
                                      {0, API_SASL_AUTHENTICATE, 0, 0, 0, 0, 0}};
  uint8_t *longer = malloc(*count + 2 * entry);
  if (!longer) abort();
  memcpy(longer, frame, end);
  for (int i = 0; i < 2; i++) memcpy(longer + end + (size_t)i * entry, added[i], entry);
  memcpy(longer + end + 2 * entry, frame + end, *count - end);
  free(frame);
  *count += 2 * entry;
  put_big32(longer, (uint32_t)(*count - 4));
  if (is_compact) longer[10] = (uint8_t)(entries + 3);
  else put_big32(longer + 10, entries + 2);
  return longer;
}
