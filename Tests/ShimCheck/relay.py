#!/usr/bin/env python3
"""Sends bytes through the C relay of the benchmark, which `make asan` has built with its sanitizers.

    relay.py PROGRAM

A slow reader, a large message, both directions, an end from each side, and a client that is gone.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LARGE = os.urandom(3_000_000)


def connect(path):
    limit = time.monotonic() + 60
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except OSError:
            client.close()
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)


def read_all(end):
    parts = []
    while part := end.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def check(program, folder):
    upstream_path, path = os.path.join(folder, "up"), os.path.join(folder, "in")
    upstream = socket.socket(socket.AF_UNIX)
    upstream.bind(upstream_path)
    upstream.listen()
    relay = subprocess.Popen([program, path, upstream_path], stderr=subprocess.PIPE)
    try:
        for size in (0, 1, 65_536, len(LARGE)):
            client = connect(path)
            far, _ = upstream.accept()
            sender = threading.Thread(
                target=lambda: (client.sendall(LARGE[:size]), client.shutdown(socket.SHUT_WR)))
            sender.start()
            time.sleep(0.05)
            assert read_all(far) == LARGE[:size], f"{size} bytes came otherwise"
            far.sendall(b"answer")
            far.close()
            assert read_all(client) == b"answer"
            sender.join()
            client.close()
        # Gone with bytes on their way in both directions.
        client = connect(path)
        far, _ = upstream.accept()
        client.sendall(LARGE[:100_000])
        client.close()
        far.close()
    finally:
        relay.send_signal(signal.SIGTERM)
        errors = relay.communicate(timeout=60)[1].decode()
    assert relay.returncode in (0, -signal.SIGTERM), f"the relay ended with {relay.returncode}"
    assert not errors, errors


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        check(sys.argv[1], place)
    print("relay: fine")
