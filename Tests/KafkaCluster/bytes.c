// Bytes, sockets and threads.
#include "cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

uint32_t big32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void put_big32(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (24 - 8 * i));
}

int read_all(int fd, uint8_t *into, size_t count) {
  while (count > 0) {
    ssize_t n = read(fd, into, count);
    if (n <= 0) return 0;
    into += n;
    count -= (size_t)n;
  }
  return 1;
}

int write_all(int fd, const uint8_t *from, size_t count) {
  while (count > 0) {
    ssize_t n = write(fd, from, count);
    if (n <= 0) return 0;
    from += n;
    count -= (size_t)n;
  }
  return 1;
}

int connect_to(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

void run_thread(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
  pthread_detach(thread);
}

struct listener {
  int fd;
  void (*serve)(int fd, uint16_t target);
  uint16_t target;
};

static void *accept_all(void *argument) {
  struct listener listener = *(struct listener *)argument;
  free(argument);
  for (;;) {
    int fd = accept(listener.fd, NULL, NULL);
    if (fd >= 0) listener.serve(fd, listener.target);
  }
  return NULL;
}

uint16_t listen_for(void (*serve)(int fd, uint16_t target), uint16_t target) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  struct listener *listener = malloc(sizeof *listener);
  if (!listener) abort();
  *listener = (struct listener){socket(AF_INET, SOCK_STREAM, 0), serve, target};
  if (bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(listener->fd, 64) != 0 ||
      getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0) {
    perror("listen");
    exit(1);
  }
  run_thread(accept_all, listener);
  return ntohs(address.sin_port);
}
