#!/usr/bin/env python3
"""Tests example_client.py against a daemon of a few lines that polices every frame it gets.

The daemon judges with vectors/decoder.py, so a client that oversteps its credit, repeats a sequence
or sends a bad frame fails the test. Standard library only; one Unix socket in a temporary folder.
"""

import os
import socket
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

PROTO = Path(__file__).resolve().parent
sys.path[:0] = [str(PROTO), str(PROTO / "vectors")]

import encoder as wire  # noqa: E402
from decoder import Receiver  # noqa: E402
from example_client import Client, Refused  # noqa: E402

OVERHEAD = 128
DELIVERED = 16
LONGEST = 20  # seconds that anything may take on a busy machine


class Connection:
    """The daemon's end: says what a test wants, and hears with a strict decoder."""

    def __init__(self, accepted):
        self.socket = accepted
        self.socket.settimeout(LONGEST)
        self.limit = [0, 0]
        self.receiver = Receiver({"receiver": "daemon", "state": "new", "frame_bytes_max": 1000,
                                  "limit_bytes": "0", "limit_messages": "0"})
        self.heard = []
        self.taken = 0
        self.times = {}

    def say(self, *frames, piecemeal=False):
        raw = b"".join(frames)
        for piece in [raw[i:i + 1] for i in range(len(raw))] if piecemeal else [raw]:
            self.socket.sendall(piece)

    def welcome(self, limit_bytes, limit_messages, *ranges, known=0):
        hello = self.expect("hello")
        self.say(wire.welcome(1000, OVERHEAD, ranges=len(ranges), known=known, flags=int(known > 0)))
        if ranges:
            self.say(wire.receipt(*ranges))
        self.grant(limit_bytes, limit_messages)
        return hello

    def grant(self, limit_bytes, limit_messages, reason=0):
        """Absolute limits; the decoder counts what is left of them."""
        self.receiver.bytes_left += max(0, limit_bytes - self.limit[0])
        self.receiver.messages_left += max(0, limit_messages - self.limit[1])
        self.limit = [max(self.limit[0], limit_bytes), max(self.limit[1], limit_messages)]
        received = self.receiver.counted_bytes, self.receiver.counted_messages
        self.say(wire.window(limit_bytes, limit_messages, *received, state=2 if reason else 0,
                             reason=reason))

    def reclaim(self, limit_bytes, limit_messages):
        self.say(wire.reclaim(1, limit_bytes, limit_messages))
        self.expect("reclaimed")
        received = self.receiver.counted_bytes, self.receiver.counted_messages
        self.limit = [max(limit_bytes, received[0]), max(limit_messages, received[1])]
        self.receiver.bytes_left = self.limit[0] - received[0]
        self.receiver.messages_left = self.limit[1] - received[1]

    def hear(self):
        """Waits for more bytes; False at the end of the stream."""
        chunk = self.socket.recv(65536)
        self.receiver.feed(chunk)
        if self.receiver.mistake:
            raise AssertionError(f"the client made a mistake: {self.receiver.mistake}")
        for event in self.receiver.events[self.taken:]:
            self.times.setdefault(event["event"], time.monotonic())
            messages = event.get("messages")
            self.heard += [("data", int(m["sequence"])) for m in messages] if messages else [event]
        self.taken = len(self.receiver.events)
        return bool(chunk)

    def expect(self, name):
        """The next event of this name, whatever else comes before; it and those are consumed."""
        while True:
            for index, event in enumerate(self.heard):
                if not isinstance(event, tuple) and event["event"] == name:
                    del self.heard[index]
                    return event
            if not self.hear():
                raise AssertionError(f"the client left without {name}")

    def expect_data(self, count):
        while True:
            data = [event for event in self.heard if isinstance(event, tuple)]
            if len(data) >= count:
                self.heard = [event for event in self.heard if event not in data[:count]]
                return [sequence for _, sequence in data[:count]]
            if not self.hear():
                raise AssertionError(f"the client left after {len(data)} of {count} messages")

    def deliver(self, first, count):
        self.say(wire.receipt(wire.range_(first, count, DELIVERED)))

    def drain(self):
        while self.hear():
            pass


class ExampleClientTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(LONGEST)
        self.trouble = None

    def tearDown(self):
        self.listener.close()
        self.folder.cleanup()

    def serve(self, *scripts):
        """Runs one script a connection, in a thread; `finish` waits and reports."""
        def work():
            try:
                for script in scripts:
                    connection = Connection(self.listener.accept()[0])
                    with connection.socket:
                        script(connection)
            except BaseException as trouble:  # noqa: B902  it is raised in the test's own thread
                self.trouble = trouble

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def finish(self):
        self.thread.join(LONGEST)
        if self.trouble:
            raise self.trouble
        self.assertFalse(self.thread.is_alive(), "the daemon waits for something")

    def send(self, count, **options):
        client = Client(self.path, **options)
        self.addCleanup(client.hang_up)
        for number in range(count):
            client.submit(b"message %d" % number)
        missing = client.flush(LONGEST)
        client.close()
        self.finish()
        self.assertEqual(missing, 0)
        return client

    def test_delivers(self):
        def script(it):
            hello = it.welcome(100_000, 100)
            self.assertEqual((hello["floor"], hello["level"]), ("1", "DELIVERED"))
            self.assertEqual(it.expect_data(10), list(range(1, 11)))
            it.deliver(1, 10)
            self.assertEqual(it.expect("seen")["floor"], "11")
            it.expect("bye")

        self.serve(script)
        self.assertEqual(self.send(10).outcomes, {"DELIVERED": 10})

    def test_hears_bytes_one_by_one(self):
        def script(it):
            it.welcome(100_000, 100)
            it.expect_data(3)
            it.say(wire.ping(77), wire.receipt(wire.range_(1, 3, 0)), piecemeal=True)
            self.assertEqual(it.expect("pong")["token"], "77")
            it.deliver(1, 3)
            it.drain()

        self.serve(script)
        self.send(3)

    def test_waits_for_credit_and_says_so(self):
        cost = 24 + len("message 0") + OVERHEAD

        def script(it):
            granted = time.monotonic()  # it can't know that it is shut before
            it.welcome(3 * cost + cost - 1, 5)
            self.assertEqual(it.expect_data(3), [1, 2, 3])
            blocked = it.expect("blocked")
            self.assertGreaterEqual(it.times["blocked"] - granted, 0.2)
            self.assertEqual(blocked["cost"], cost)
            it.grant(3 * cost + cost - 1, 5, reason=1)
            it.grant(4 * cost, 5)
            self.assertEqual(it.expect_data(1), [4])
            it.grant(10 * cost, 5)
            self.assertEqual(it.expect_data(1), [5])
            it.expect("blocked")
            it.grant(10 * cost, 6)
            self.assertEqual(it.expect_data(1), [6])
            it.deliver(1, 6)
            it.drain()

        self.serve(script)
        self.send(6)

    def test_gives_credit_back(self):
        cost = 24 + len("message 0") + OVERHEAD

        def script(it):
            it.welcome(2 * cost, 2)
            it.expect_data(2)
            it.grant(2 * cost, 50)
            it.reclaim(0, 0)
            it.grant(0, 0)
            it.grant(4 * cost, 4)
            self.assertEqual(it.expect_data(2), [3, 4])
            it.deliver(1, 4)
            it.drain()

        self.serve(script)
        self.send(4)

    def test_resumes_without_loss_or_repetition(self):
        sessions = []

        def first(it):
            sessions.append(it.welcome(100_000, 100)["session"])
            it.expect_data(8)
            it.deliver(1, 2)

        def second(it):
            hello = it.welcome(100_000, 100, wire.range_(3, 1, DELIVERED), wire.range_(4, 2, 0),
                               wire.range_(7, 1, 18, 0, 3), known=7)
            sessions.append(hello["session"])
            self.assertIn(hello["floor"], ("1", "3"))
            self.assertEqual(it.expect_data(2), [6, 8])
            it.say(wire.receipt(wire.range_(4, 3, DELIVERED), wire.range_(8, 1, 19, 0, 1)))
            it.drain()

        self.serve(first, second)
        client = self.send(8)
        self.assertEqual(sessions[0], sessions[1])
        self.assertEqual(client.outcomes, {"DELIVERED": 6, "REJECTED": 1, "EXPIRED": 1})

    def test_goes_when_asked_and_comes_back(self):
        cost = 24 + len("message 0") + OVERHEAD

        def first(it):
            it.welcome(2 * cost, 2)
            it.expect_data(2)
            it.say(wire.goaway(23, 5000))
            it.grant(100 * cost, 100)
            it.deliver(1, 2)
            it.expect("seen")
            it.expect("bye")
            self.assertEqual([e for e in it.heard if isinstance(e, tuple)], [])

        def second(it):
            self.assertEqual(it.welcome(100 * cost, 100)["floor"], "3")
            self.assertEqual(it.expect_data(3), [3, 4, 5])
            it.deliver(3, 3)
            it.drain()

        self.serve(first, second)
        self.send(5)

    def test_tells_its_floor(self):
        def script(it):
            it.welcome(1_000_000, 100)
            it.expect_data(100)
            it.deliver(1, 24)
            it.deliver(25, 1)
            self.assertEqual(it.expect("seen")["floor"], "26")
            it.say(wire.receipt(wire.range_(26, 1, DELIVERED), wire.range_(28, 1, DELIVERED)))
            it.grant(1_000_000, 100, reason=6)
            self.assertEqual(it.expect("seen")["floor"], "27")
            it.deliver(1, 2**32 - 1)
            it.drain()

        self.serve(script)
        self.assertEqual(self.send(100).outcomes, {"DELIVERED": 100})

    def test_tries_again_or_not_as_the_code_says(self):
        def refuse(it):
            it.expect("hello")
            it.say(wire.error(24, 10))

        def give_up(it):
            it.welcome(0, 0)
            it.say(wire.error(9))

        self.serve(refuse, give_up)
        with self.assertRaisesRegex(Refused, "FLOW_CONTROL"):
            self.send(1)
        self.finish()

    def test_hears_why_after_a_failed_write(self):
        def script(it):
            it.welcome(10_000_000, 10_000)
            it.expect_data(1)
            it.say(wire.error(27))

        def again(it):
            it.welcome(10_000_000, 10_000)
            it.expect_data(2000)
            it.deliver(1, 2000)
            it.drain()

        self.serve(script, again)
        self.send(2000, waiting_max=2000)

    def test_refuses_what_is_no_daemon(self):
        def script(it):
            it.expect("hello")
            it.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        self.serve(script)
        with self.assertRaises(Refused):
            self.send(1)
        self.finish()

    def test_takes_what_a_later_release_adds(self):
        """§12: unknown extensions below 128, states, reasons, flags and codes change nothing."""
        unknown = wire.ext(99, b"new")

        def script(it):
            it.expect("hello")
            it.say(wire.welcome(1000, OVERHEAD, ext=unknown))
            it.limit = [100_000, 100]
            it.receiver.bytes_left, it.receiver.messages_left = it.limit
            it.say(wire.window(*it.limit, state=77, reason=88, ext=unknown))
            self.assertEqual(it.expect_data(2), [1, 2])
            it.say(wire.receipt(wire.range_(1, 2, DELIVERED, flags=0x80, code=999)))
            it.drain()

        self.serve(script)
        self.send(2)

    def test_leaves_a_daemon_of_another_version(self):
        def picks_another(it):
            it.expect("hello")
            it.say(wire.welcome(1000, OVERHEAD, version=2))

        def says_so(it):
            it.expect("hello")
            it.say(wire.error(2))

        for script in (picks_another, says_so):
            self.serve(script)
            with self.assertRaises(Refused):
                self.send(1)
            self.finish()

    def test_leaves_out_what_is_too_large(self):
        def script(it):
            it.welcome(100_000, 100)
            self.assertEqual(it.expect_data(2), [1, 3])
            it.deliver(1, 1)
            it.deliver(3, 1)
            it.drain()

        self.serve(script)
        client = Client(self.path)
        for payload in (b"a", bytes(977), b"c"):
            client.submit(payload)
        client.flush(LONGEST)
        client.close()
        self.finish()
        self.assertEqual(client.outcomes, {"DELIVERED": 2, "TOO_LARGE": 1})


if __name__ == "__main__":
    unittest.main()
