#ifndef FOREBAY_CUV_SHIM_H
#define FOREBAY_CUV_SHIM_H

#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

// The three numbers that the kernel recorded at connect(). `struct ucred` is hidden from Swift,
// because glibc declares it for _GNU_SOURCE only, so its layout (fixed ABI) is repeated here.
struct forebay_credentials {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};

// Returns 0, or -1 with errno set. SO_PEERCRED is a macro that Swift imports with a type that
// differs between headers.
static inline int forebay_peer_credentials(int fd, struct forebay_credentials *credentials) {
  socklen_t length = sizeof *credentials;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length);
}

// Reads an integer socket option of level SOL_SOCKET, or gives -1 with errno set.
static inline int forebay_socket_option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0) return -1;
  return value;
}

// Fills a Unix address. `sun_path` is an array, which Swift imports as a tuple of 108 elements.
// The caller has checked that `length` is at most 107.
static inline void forebay_unix_address(
    struct sockaddr_un *address, const char *path, size_t length) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length);
}

// Has the kernel send this process `signal` when its parent ends; 0, or -1 with errno set. `prctl` has
// a variable number of arguments, and such functions aren't imported.
static inline int forebay_signal_at_parents_end(int signal) {
  return prctl(PR_SET_PDEATHSIG, (unsigned long)signal);
}

#endif
