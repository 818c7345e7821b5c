// Somebody else's NATS client (libnats), for the tests of the NATS upstream:
//
//   client URL TLS request SUBJECT BODY        asks, prints the answer
//   client URL TLS read STREAM SUBJECT COUNT   prints so many messages of a stream in their order, each
//                                              as its id, a tab, its predecessor's, a tab, the payload
//
// TLS is a folder with ca.pem, good.pem and good.key, or "-" for none.
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(natsStatus status, const char *what) {
  if (status == NATS_OK) return;
  fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
  exit(1);
}

static void print_header(natsMsg *message, const char *name) {
  const char *value = NULL;
  if (natsMsgHeader_Get(message, name, &value) == NATS_OK) printf("%s", value);
  putchar('\t');
}

static void request(natsConnection *connection, const char *subject, const char *body) {
  natsMsg *answer = NULL;
  check(natsConnection_RequestString(&answer, connection, subject, body, 10000), "request");
  fwrite(natsMsg_GetData(answer), 1, (size_t)natsMsg_GetDataLength(answer), stdout);
  natsMsg_Destroy(answer);
}

static void read_stream(natsConnection *connection, const char *stream, const char *subject,
                        long count) {
  jsCtx *context = NULL;
  natsSubscription *subscription = NULL;
  jsSubOptions options;
  jsErrCode code = 0;
  check(natsConnection_JetStream(&context, connection, NULL), "JetStream");
  jsSubOptions_Init(&options);
  options.Stream = stream;
  options.Ordered = true;
  check(js_SubscribeSync(&subscription, context, subject, NULL, &options, &code), "subscribe");
  for (long index = 0; index < count; index++) {
    natsMsg *message = NULL;
    check(natsSubscription_NextMsg(&message, subscription, 10000), "next message");
    print_header(message, "Nats-Msg-Id");
    print_header(message, "Nats-Expected-Last-Msg-Id");
    fwrite(natsMsg_GetData(message), 1, (size_t)natsMsg_GetDataLength(message), stdout);
    putchar('\n');
    natsMsg_Destroy(message);
  }
  natsSubscription_Destroy(subscription);
  jsCtx_Destroy(context);
}

static void secure(natsOptions *options, const char *folder) {
  char authority[4096], certificate[4096], key[4096];
  snprintf(authority, sizeof authority, "%s/ca.pem", folder);
  snprintf(certificate, sizeof certificate, "%s/good.pem", folder);
  snprintf(key, sizeof key, "%s/good.key", folder);
  check(natsOptions_SetSecure(options, true), "TLS");
  check(natsOptions_LoadCATrustedCertificates(options, authority), "authority");
  check(natsOptions_LoadCertificatesChain(options, certificate, key), "certificate");
}

int main(int argc, char **argv) {
  natsOptions *options = NULL;
  natsConnection *connection = NULL;
  if (argc < 6) return 64;
  check(natsOptions_Create(&options), "options");
  check(natsOptions_SetURL(options, argv[1]), "URL");
  if (strcmp(argv[2], "-") != 0) secure(options, argv[2]);
  check(natsConnection_Connect(&connection, options), "connect");
  if (strcmp(argv[3], "request") == 0) {
    request(connection, argv[4], argv[5]);
  } else if (argc == 7) {
    read_stream(connection, argv[4], argv[5], atol(argv[6]));
  }
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  nats_Close();
  return fflush(stdout) == 0 ? 0 : 1;
}
