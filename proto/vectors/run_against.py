#!/usr/bin/env python3
"""Runs the vectors for daemons against a running daemon: what it says to each, over its socket.

    run_against.py SOCKET                            a daemon that takes frames of 4 096 bytes
    run_against.py --start .build/debug/forebayd     starts one in a temporary folder, and ends it

Left out are vectors whose setup a daemon can't be brought into from outside, and those that need more
credit than it gives to a new client. Each is sent whole and cut in two. Exit 1 if an answer differs.
"""

import argparse
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import encoder as wire  # noqa: E402
from check import input_bytes, load  # noqa: E402
from decoder import CODES, Receiver  # noqa: E402

ERRORS = {number: name for name, number in CODES["error_codes"].items()}
FRAME_BYTES = 4096
LONGEST = 20  # seconds for any answer
FROM_OUTSIDE = {"receiver", "state", "peer"}  # what of a setup can be brought about


class Talk:
    """One connection; what the daemon says is judged by the decoder."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(LONGEST)
        self.heard = Receiver({"receiver": "client"})
        self.ended = False

    def say(self, *chunks):
        try:
            for chunk in chunks:
                self.socket.sendall(chunk)
        except OSError:
            pass  # it has closed; why, it has said before

    def hear_until(self, found):
        """Reads until `found` of the events so far, or the end."""
        while not self.ended and not found(self.heard.events):
            try:
                chunk = self.socket.recv(65536)
            except ConnectionError:
                chunk = b""
            self.heard.feed(chunk)
            self.ended = not chunk
        if self.heard.mistake:
            raise AssertionError(f"the daemon's own mistake: {self.heard.mistake}")

    def error(self):
        codes = [event["code"] for event in self.heard.events if event["event"] == "error"]
        return ERRORS.get(codes[0], codes[0]) if codes else None

    def settled(self):
        return sum(one["count"] for event in self.heard.events if event["event"] == "receipt"
                   for one in event["ranges"] if one["outcome"] not in ("RECEIVED", "STORED"))


def ends_with_error(events):
    return any(event["event"] == "error" for event in events)


def has_window(events):
    return any(event["event"] == "window" for event in events) or ends_with_error(events)


def greet(talk, peer):
    talk.say(wire.hello(session=secrets.token_bytes(16), flags=int(peer), level=1 if peer else 3))
    talk.hear_until(has_window)


def needs_more(vector, talk):
    """Whether the vector would overstep what this daemon allows a new client."""
    window = next((e for e in talk.heard.events if e["event"] == "window"), None)
    runs = [e for e in vector["expect"]["events"] if e["event"] in ("run", "unsupported")]
    return window is not None and sum(e["count"] for e in runs) >= int(window["limit_messages"])


def run(path, vector, cut):
    """None if it agrees, a text if not, False if it doesn't apply."""
    talk, raw, expect = Talk(path), input_bytes(vector), vector["expect"]
    with talk.socket:
        if vector["setup"].get("state", "greeted") == "greeted":
            greet(talk, vector["setup"].get("peer", False))
            if needs_more(vector, talk):
                return False
        talk.say(*((raw[:len(raw) // 2], raw[len(raw) // 2:]) if cut else (raw,)))
        return judge(talk, expect)


def judge(talk, expect):
    if "error" in expect:
        talk.hear_until(ends_with_error)
        want = expect["error"]["code"]
        return None if talk.error() == want else f"said {talk.error()}, expected {want}"
    messages = sum(e["count"] for e in expect["events"] if e["event"] in ("run", "unsupported"))
    has_left = any(e["event"] == "bye" for e in expect["events"])
    if not has_left:
        talk.hear_until(lambda events: talk.settled() >= messages or ends_with_error(events))
    if "incomplete" not in expect and not has_left:
        talk.say(wire.bye())
    talk.socket.shutdown(socket.SHUT_WR) if not talk.ended else None
    talk.hear_until(lambda events: False)
    if talk.error():
        return f"said {talk.error()} to what is no mistake"
    if not has_left and talk.settled() != messages:
        return f"gave {talk.settled()} final receipts for {messages} messages"
    return None


def run_all(path):
    tried = left_out = 0
    failures = []
    for _, content in load():
        for vector in content["vectors"]:
            if "input" not in vector or vector["setup"]["receiver"] != "daemon":
                continue
            applies = not vector["setup"].keys() - FROM_OUTSIDE
            # Before HELLO there is no session to speak of: nothing can be told from silence.
            new = vector["setup"].get("state") == "new"
            says_hello = any(e["event"] == "hello" for e in vector["expect"]["events"])
            applies = applies and (not new or says_hello or "error" in vector["expect"])
            for cut in (False, True) if applies else ():
                answer = run(path, vector, cut)
                applies = answer is not False
                tried += applies
                if answer:
                    failures.append(f"{vector['id']}{', cut' if cut else ''}: {answer}")
            left_out += not applies
    for failure in failures[:40]:
        print(failure, file=sys.stderr)
    print(f"vectors against a daemon: {tried} runs, {left_out} vectors left out, "
          f"{len(failures)} failures")
    return 1 if failures else 0


def started(program, folder):
    """A daemon of our own: the process and its socket, once it listens."""
    (folder / "admin").mkdir(mode=0o700)
    path = folder / "client.sock"
    process = subprocess.Popen(
        [program, "--socket", path, "--admin-socket", folder / "admin" / "admin.sock",
         "--upstream", f"journal:{folder}/journal.db", "--upstream", f"orders=journal:{folder}/orders.db",
         "--frame-bytes", str(FRAME_BYTES), "--log-level", "error"])
    for _ in range(LONGEST * 20):
        if path.exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    return process, str(path)


def main():
    parser = argparse.ArgumentParser(description="Runs the vectors against a daemon.")
    parser.add_argument("socket", nargs="?")
    parser.add_argument("--start", metavar="PROGRAM", help="a forebayd to start and end")
    arguments = parser.parse_args()
    if not arguments.start:
        return run_all(arguments.socket)
    with tempfile.TemporaryDirectory() as name:
        process, path = started(arguments.start, Path(name))
        try:
            status = run_all(path)
        finally:
            died = process.poll() is not None
            process.terminate()
            process.wait(60)
        return 1 if died else status


if __name__ == "__main__":
    sys.exit(main())
