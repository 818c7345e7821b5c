/* The C functions that Swift sources call, tried under ASan and UBSan: `make asan`. */
#define _GNU_SOURCE
#include "../../Sources/CSQLite/shim.h"
#include "../../Sources/CUV/shim.h"
#include "../../Sources/CYAML/shim.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "shims: %s\n", what);
  exit(1);
}

/* Of exactly its length, so that one byte more would be seen. */
static char *path_of(size_t length) {
  char *path = malloc(length);
  expect(path != NULL, "no memory");
  memset(path, 'p', length);
  return path;
}

int main(void) {
  int ends[2];
  expect(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "a pair of sockets");
  struct forebay_credentials credentials;
  expect(forebay_peer_credentials(ends[0], &credentials) == 0, "credentials of a socket");
  expect(credentials.uid == geteuid() && credentials.gid == getegid(), "they are ours");
  expect(credentials.pid == getpid(), "and this process");
  expect(forebay_peer_credentials(-1, &credentials) == -1 && errno == EBADF, "none of no socket");
  expect(forebay_socket_option(ends[0], SO_TYPE) == SOCK_STREAM, "a socket's type");
  expect(forebay_socket_option(-1, SO_TYPE) == -1 && errno == EBADF, "no type of no socket");

  for (size_t length = 0; length <= 107; length++) {
    struct sockaddr_un address;
    memset(&address, 0xff, sizeof address);
    char *path = path_of(length);
    forebay_unix_address(&address, path, length);
    expect(address.sun_family == AF_UNIX, "an address's family");
    expect(strlen(address.sun_path) == length, "its path, and a zero behind it");
    free(path);
  }

  expect(forebay_signal_at_parents_end(SIGTERM) == 0, "a signal at the parent's end");
  expect(forebay_signal_at_parents_end(12345) == -1 && errno == EINVAL, "no such signal");
  puts("shims: fine");
  return 0;
}
