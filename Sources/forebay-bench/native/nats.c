/* NATS JetStream by its text protocol: messages with ids, each acknowledged by the stream. The C
 * library takes several times the CPU (a second thread, locks), so this is the harder measure. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

enum { INPUT_BYTES = 64 * 1024, MESSAGE_ROOM = 512 };
/* Full: what comes first goes first. Memory, so that the disk isn't what is measured. */
static const char STREAM[] =
    "{\"name\":\"BENCH\",\"subjects\":[\"bench\"],\"storage\":\"memory\",\"retention\":\"limits\","
    "\"max_bytes\":268435456,\"discard\":\"old\",\"duplicate_window\":2000000000}";
static const char GREETING[] =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n"
    "SUB _INBOX.bench.* 1\r\n";

static int server;
static char *output;
static size_t output_start, output_end, output_room;
static char input[INPUT_BYTES];
static size_t input_end;

static void write_all(int fd, const char *text, size_t count) {
  while (count > 0) {
    ssize_t written = write(fd, text, count);
    if (written <= 0) fail("nats: %m");
    text += written;
    count -= (size_t)written;
  }
}

static int open_nats(const char *address) {
  int fd = connect_to(address);
  write_all(fd, GREETING, sizeof GREETING - 1);
  return fd;
}

/* Asks once and waits for the answer's line of JSON. */
static void ask(int fd, const char *subject, const char *body, bool must_work) {
  char text[1024];
  int count = snprintf(text, sizeof text, "PUB %s _INBOX.bench.0 %zu\r\n%s\r\n", subject,
                       strlen(body), body);
  write_all(fd, text, (size_t)count);
  size_t end = 0;
  char answer[8192];
  while (true) {
    ssize_t read_count = read(fd, answer + end, sizeof answer - 1 - end);
    if (read_count <= 0) fail("nats: no answer to %s", subject);
    end += (size_t)read_count;
    answer[end] = 0;
    char *message = strstr(answer, "MSG _INBOX");
    if (!message) message = strstr(answer, "HMSG _INBOX");
    char *line = message ? strstr(message, "\r\n") : NULL;
    if (!line || !strstr(line + 2, "\r\n")) continue;
    if (must_work && (strstr(line, "\"error\"") || message[0] == 'H'))
      fail("nats: %s is answered with %s", subject, line + 2);
    return;
  }
}

static void prepare(const char *address) {
  int fd = open_nats(address);
  ask(fd, "$JS.API.STREAM.DELETE.BENCH", "", false);
  ask(fd, "$JS.API.STREAM.CREATE.BENCH", STREAM, true);
  close(fd);
}

static void connect_client(const char *address, const struct load *load) {
  server = open_nats(address);
  fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK);
  output_room = (load->payload_bytes + MESSAGE_ROOM) * load->window;
  output = malloc(output_room);
  if (!output) fail("malloc: %m");
}

static size_t digits_of(uint64_t value) {
  size_t count = 1;
  while (value >= 10) value /= 10, count++;
  return count;
}

static char *put(char *place, const char *text, size_t count) {
  memcpy(place, text, count);
  return place + count;
}

static char *put_number(char *place, uint64_t value) {
  size_t count = digits_of(value);
  for (size_t i = count; i > 0; i--, value /= 10) place[i - 1] = (char)('0' + value % 10);
  return place + count;
}

#define PUT(place, text) put(place, text, sizeof text - 1)

/* Ids differ between the loads of all runs. */
static uint64_t run_id;

static void encode(const struct load *load, uint64_t sequence) {
  static const char begin[] = "NATS/1.0\r\nNats-Msg-Id: 00112233445566778899aabbccddeeff-";
  size_t header = sizeof begin - 1 + digits_of(run_id) + 1 + digits_of(sequence) + 4;
  char *place = output + output_end;
  place = PUT(place, "HPUB bench _INBOX.bench.");
  place = put_number(place, sequence);
  place = PUT(place, " ");
  place = put_number(place, header);
  place = PUT(place, " ");
  place = put_number(place, header + load->payload_bytes);
  place = PUT(place, "\r\n");
  place = PUT(place, begin);
  place = put_number(place, run_id);
  place = PUT(place, "-");
  place = put_number(place, sequence);
  place = PUT(place, "\r\n\r\n");
  place = put(place, load->payload, load->payload_bytes);
  place = PUT(place, "\r\n");
  output_end = (size_t)(place - output);
}

static void send_due(struct load *load) {
  uint64_t due = load_due(load);
  if (due > 0 && load->sent == 0) run_id = monotonic_now();
  if (output_start > 0) {
    memmove(output, output + output_start, output_end - output_start);
    output_end -= output_start;
    output_start = 0;
  }
  uint64_t room = (output_room - output_end) / (load->payload_bytes + MESSAGE_ROOM);
  if (due > room) due = room;
  for (uint64_t i = 0; i < due; i++) encode(load, load->sent + i);
  if (due > 0) load_sent(load, due);
}

static void write_some(void) {
  if (output_start == output_end) return;
  ssize_t count = write(server, output + output_start, output_end - output_start);
  if (count < 0 && errno != EAGAIN && errno != EINTR) fail("nats: %m");
  if (count > 0) output_start += (size_t)count;
  if (output_start == output_end) output_start = output_end = 0;
}

static char *line_end(char *start, const char *end) {
  char *found = start < end ? memchr(start, '\r', (size_t)(end - start)) : NULL;
  return found && found + 1 < end ? found : NULL;
}

/* Of an acknowledgement the sequence is in its subject: MSG _INBOX.bench.SEQUENCE 1 BYTES. Returns
 * where the message ends, or NULL if it isn't whole. */
static char *take(char *line, char *end_of_line, const char *end, uint64_t *sequence) {
  static const char begin[] = "MSG _INBOX.bench.";
  if (memcmp(line, "HMSG", 4) == 0) fail("nats: no stream takes 'bench'");
  if (memcmp(line, begin, sizeof begin - 1) != 0) fail("nats says: %.*s", 80, line);
  char *rest;
  *sequence = strtoull(line + sizeof begin - 1, &rest, 10);
  strtoull(rest, &rest, 10);
  size_t bytes = strtoull(rest, NULL, 10);
  char *body = end_of_line + 2;
  if ((size_t)(end - body) < bytes + 2) return NULL;
  if (memmem(body, bytes, "\"error\"", 7)) fail("nats: not taken: %.*s", (int)bytes, body);
  return body + bytes + 2;
}

static void read_some(struct load *load) {
  ssize_t count = read(server, input + input_end, sizeof input - input_end);
  if (count == 0) fail("nats closed the connection");
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) fail("nats: %m");
    return;
  }
  input_end += (size_t)count;
  char *place = input, *end = input + input_end, *line;
  uint64_t first = 0, confirmed = 0, sequence;
  while ((line = line_end(place, end))) {
    char *next = line + 2;
    if (memcmp(place, "PING", 4) == 0) {
      write_all(server, "PONG\r\n", 6);
    } else if (memcmp(place, "INFO", 4) != 0) {
      if (!(next = take(place, line, end, &sequence))) break;
      if (confirmed > 0 && sequence != first + confirmed) {
        load_confirmed(load, first, confirmed);
        confirmed = 0;
      }
      if (confirmed++ == 0) first = sequence;
    }
    place = next;
  }
  if (confirmed > 0) load_confirmed(load, first, confirmed);
  input_end = (size_t)(end - place);
  memmove(input, place, input_end);
}

static void turn(struct load *load) {
  send_due(load);
  write_some();
  wait_for(load, server, output_start < output_end);
  read_some(load);
}

int main(int argc, char **argv) {
  static const struct native_client client = {"native-nats", prepare, connect_client, turn};
  return native_main(&client, argc, argv);
}
