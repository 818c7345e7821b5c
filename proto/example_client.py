#!/usr/bin/env python3
"""A whole Forebay client in one file, written from WIRE.md §14: a message a line from stdin.

    example_client.py [--level received|stored|delivered] [--route NAME] SOCKET < lines

It keeps to its credit, survives a lost connection without loss or duplicates, and says at the end
what became of the messages. Exit 0: all delivered. 1: some weren't. 2: the daemon refused us.
For real work use a client library; this shows how little a client has to do.
"""

import argparse
import json
import random
import secrets
import selectors
import socket
import struct
import sys
import time
from collections import Counter, deque
from pathlib import Path

CODES = json.loads((Path(__file__).resolve().parent / "codes.json").read_text())
TYPE = CODES["frame_types"]
OUTCOME = {number: name for name, number in CODES["outcomes"].items()}
ERROR = {number: name for name, number in CODES["error_codes"].items()}
MAGIC = int(CODES["magic"], 0)
FINAL = 16  # outcomes from here on are final
# §5.8, column "then": everything else isn't tried again by itself.
AGAIN = {"TOO_MANY_CONNECTIONS", "HELLO_TIMEOUT", "FRAME_TIMEOUT", "RECLAIM_TIMEOUT", "SLOW_READER",
         "SHUTTING_DOWN", "HEARTBEAT_TIMEOUT", "INTERNAL", "KILLED", "TOO_MANY_SESSIONS"}
# Header and fixed fields of what a daemon sends; RECEIPT: with one range.
SIZES = {"WELCOME": 40, "WINDOW": 48, "RECEIPT": 24, "RECLAIM": 32, "PING": 16, "GOAWAY": 16,
         "ERROR": 16}


class Refused(Exception):
    """The daemon doesn't want us as we are, or isn't a daemon."""


class Lost(Exception):
    """The connection ended; another may be tried after so many seconds."""

    def __init__(self, reason, wait=None):
        super().__init__(reason)
        self.wait = wait


def frame(kind, body, flags=0):
    return struct.pack(">IBBH", 4 + len(body), TYPE[kind], flags, 0) + body


def extension(name, value):
    head = struct.pack(">BBH", CODES["extensions"][name], 0, len(value))
    return head + value + bytes(-len(value) % 4)


class Client:
    def __init__(self, path, level="DELIVERED", route=None, waiting_max=1000):
        self.path, self.route, self.waiting_max = path, route, waiting_max
        self.level = CODES["receipt_levels"][level]
        self.session = secrets.token_bytes(16)
        self.next_sequence = 1
        self.waiting = {}  # sequence: payload, ascending; every message without a final receipt
        self.outcomes = Counter()
        self.on_final = lambda sequence, outcome, flags, code: None
        self.to_send = deque()  # of those: what isn't written on this connection yet
        self.backoff = 0.05
        self.socket = None

    # What the application calls

    def submit(self, payload):
        """Takes a message and returns its sequence; waits while too many have no final receipt."""
        while len(self.waiting) >= self.waiting_max:
            self.step()
        sequence = self.next_sequence
        self.next_sequence += 1
        self.waiting[sequence] = payload
        self.to_send.append(sequence)
        return sequence

    def flush(self, timeout=None):
        """Waits for the final receipts of everything; returns how many are missing."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.waiting and (end is None or time.monotonic() < end):
            self.step(None if end is None else max(0, end - time.monotonic()))
        return len(self.waiting)

    def close(self):
        if self.socket:
            self.out += self.seen() + frame("BYE", b"")
            try:
                self.socket.setblocking(True)
                self.socket.sendall(self.out)
            except OSError:
                pass
            self.hang_up()

    # One turn: connect if need be, send what may be sent, hear what has come

    def step(self, longest=None):
        try:
            if self.socket is None:
                self.connect()
            self.turn(longest)
        except (OSError, Lost) as problem:
            self.hang_up()
            lived = time.monotonic() - getattr(self, "connected_at", time.monotonic())
            self.backoff = 0.05 if lived > 10 else min(self.backoff * 2, 5)
            wait = getattr(problem, "wait", None)
            time.sleep(random.uniform(0, self.backoff) if wait is None else wait)

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.path)
        self.socket.setblocking(False)
        self.connected_at = time.monotonic()
        self.sent, self.limit = [0, 0], [0, 0]  # in bytes, in messages
        self.overhead = self.frame_max = self.window = 0
        self.welcomed, self.going = False, False
        self.ranges_left, self.listed = None, []
        self.blocked_at, self.blocked_wait = None, 0.2
        self.received, self.out = b"", b""
        self.told_floor = self.floor()
        body = struct.pack(">IHH", MAGIC, 1, 1) + self.session
        body += struct.pack(">QBBH", self.told_floor, self.level, 0, 0)
        body += extension("CLIENT_NAME", b"example")
        body += extension("ROUTE", self.route.encode()) if self.route else b""
        self.out += frame("HELLO", body)

    def hang_up(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def turn(self, longest):
        self.pump()
        with selectors.DefaultSelector() as selector:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0)
            selector.register(self.socket, wanted)
            waits = [w for w in (longest, self.blocked_in()) if w is not None]
            ready = selector.select(min(waits) if waits else None)
        for _, events in ready:
            if events & selectors.EVENT_READ:
                self.read()
            if events & selectors.EVENT_WRITE and self.out:
                self.write()
        if self.going and len(self.waiting) == len(self.to_send):  # nothing that was sent is owed
            self.close()
            raise Lost("the daemon asked us to go", 0)

    def read(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise Lost("the daemon closed the connection")
        self.received += chunk
        self.hear()

    def write(self):
        try:
            self.out = self.out[self.socket.send(self.out):]
        except OSError:
            self.socket.setblocking(True)
            while True:  # an ERROR may be waiting: read() raises when there is no more
                self.read()

    # Sending

    def floor(self):
        return next(iter(self.waiting), self.next_sequence)

    def pump(self):
        if not self.welcomed or self.going:
            return
        while self.to_send and len(self.out) < 65536:
            payload = self.waiting[self.to_send[0]]
            if 24 + len(payload) > self.frame_max:  # the sequence is left out: gaps are allowed
                sequence = self.to_send.popleft()
                self.settle(sequence, sequence + 1, "TOO_LARGE", 0, 0)
                continue
            if not self.fits(24 + len(payload)):
                if self.blocked_at is None:
                    self.blocked_at, self.blocked_wait = time.monotonic() + 0.2, 0.2
                return
            sequence = self.to_send.popleft()
            self.out += frame("DATA", struct.pack(">QIBBH", sequence, 0, 0, 0, 0) + payload)
            self.sent = [self.sent[0] + 24 + len(payload) + self.overhead, self.sent[1] + 1]
            self.blocked_at = None

    def fits(self, frame_bytes):
        cost = (frame_bytes + self.overhead, 1)
        return all(self.limit[i] - self.sent[i] >= cost[i] for i in range(2))

    def blocked_in(self):
        """Seconds until BLOCKED is due; says it if it is due now."""
        if self.blocked_at is None:
            return None
        if time.monotonic() >= self.blocked_at:
            cost = 24 + len(self.waiting[self.to_send[0]]) + self.overhead
            self.told_floor = self.floor()
            self.out += frame("BLOCKED", struct.pack(">IIQ", cost, 0, self.told_floor))
            self.blocked_wait = min(self.blocked_wait * 2, 5)
            self.blocked_at = time.monotonic() + self.blocked_wait
            return 0
        return self.blocked_at - time.monotonic()

    def seen(self):
        if self.floor() == self.told_floor:
            return b""
        self.told_floor = self.floor()
        return frame("SEEN", struct.pack(">Q", self.told_floor))

    # Hearing

    def hear(self):
        while len(self.received) >= 8:
            length, kind, flags, zero = struct.unpack_from(">IBBH", self.received)
            name = next((n for n, number in TYPE.items() if number == kind), None)
            if not 4 <= length <= 65532 or zero or name not in SIZES or length + 4 < SIZES[name]:
                raise Refused("the daemon sent what isn't a frame of version 1")
            if len(self.received) < length + 4:
                return
            body = self.received[8:length + 4]
            self.received = self.received[length + 4:]
            getattr(self, "hear_" + name.lower())(body, flags)

    def hear_welcome(self, body, flags):
        version, _, self.frame_max, self.overhead, _, self.ranges_left, _, _ = struct.unpack_from(
            ">HHIIIIIQ", body)
        if version != 1:
            raise Refused("no version in common")
        self.expect_first_window()

    def expect_first_window(self):
        """All ranges are there: what isn't listed has to be sent again, before anything new."""
        if self.ranges_left == 0:
            self.to_send = deque(s for s in self.waiting
                                 if not any(first <= s < end for first, end in self.listed))
            self.welcomed, self.listed = True, []

    def hear_receipt(self, body, flags):
        for first, count, outcome, marks, code in struct.iter_unpack(">QIBBH", body):
            if outcome not in OUTCOME:
                raise Refused(f"outcome {outcome}")
            if not self.welcomed:
                self.listed.append((first, first + count))
                self.ranges_left -= 1
            if outcome >= FINAL:
                self.settle(first, first + count, OUTCOME[outcome], marks, code)
        if not self.welcomed:
            self.expect_first_window()
        if self.floor() - self.told_floor >= max(16, self.window // 4):
            self.out += self.seen()

    def settle(self, first, end, outcome, marks, code):
        """Walks what we wait for, not the range, which may be huge."""
        known = range(max(first, self.floor()), min(end, self.next_sequence))
        for sequence in known if len(known) <= len(self.waiting) else list(self.waiting):
            if first <= sequence < end and self.waiting.pop(sequence, None) is not None:
                self.outcomes[outcome] += 1
                self.on_final(sequence, outcome, marks, code)

    def hear_window(self, body, flags):
        limits = struct.unpack_from(">QQQQ", body)
        reason = body[37]
        self.limit = [max(self.limit[i], limits[i]) for i in range(2)]
        self.window = max(self.window, limits[1] - limits[3])
        if reason == CODES["window_reasons"]["RECEIPTS_UNSEEN"]:
            self.out += self.seen()

    def hear_reclaim(self, body, flags):
        number, _, *limits = struct.unpack_from(">IIQQ", body)
        self.limit = [min(self.limit[i], max(self.sent[i], limits[i])) for i in range(2)]
        self.out += frame("RECLAIMED", struct.pack(">II", number, 0))

    def hear_ping(self, body, flags):
        self.out += frame("PONG", body[:8])

    def hear_goaway(self, body, flags):
        if self.ranges_left is None:  # instead of WELCOME
            self.end(struct.unpack_from(">H", body)[0], 0)
        self.going = True

    def hear_error(self, body, flags):
        self.end(*struct.unpack_from(">HHI", body)[::2])

    def end(self, code, retry):
        name = ERROR.get(code, str(code))
        if code in ERROR and name not in AGAIN:
            raise Refused(name)
        raise Lost(name, retry / 1000 if retry else None)


def main():
    parser = argparse.ArgumentParser(description="Sends a message a line to a Forebay daemon.")
    parser.add_argument("socket")
    parser.add_argument("--route")
    parser.add_argument("--level", default="delivered", choices=["received", "stored", "delivered"])
    arguments = parser.parse_args()
    client = Client(arguments.socket, arguments.level.upper(), arguments.route)
    try:
        for line in sys.stdin.buffer:
            client.submit(line.rstrip(b"\n"))
        client.flush()
        client.close()
    except Refused as reason:
        print(f"example_client: {reason}; {len(client.waiting)} messages have no final receipt",
              file=sys.stderr)
        return 2
    for name, count in sorted(client.outcomes.items()):
        print(f"{count} {name.lower()}")
    return 0 if set(client.outcomes) <= {"DELIVERED", "DUPLICATE"} else 1


if __name__ == "__main__":
    sys.exit(main())
