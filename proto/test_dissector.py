#!/usr/bin/env python3
"""Tests forebay.lua with tshark: sessions, every vector, frames cut over segments, a live capture.

Needs tshark and text2pcap (Debian: tshark). The live capture on `lo` is left out, with its reason,
where capturing isn't permitted. Exit 1 if a field isn't what is expected.
"""

import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROTO = Path(__file__).resolve().parent
PORT = 7431
CODES = json.loads((PROTO / "codes.json").read_text())
FRAME_TYPES = {number: name for name, number in CODES["frame_types"].items()}

# Mistakes that a frame shows by itself; the others need what a daemon knows.
STATELESS = {"FRAME_TOO_SHORT", "FRAME_TOO_LARGE", "UNKNOWN_FRAME_TYPE", "RESERVED_BITS",
             "BAD_MAGIC", "UNSUPPORTED_VERSION", "BAD_EXTENSION", "BAD_FIELD"}

# What the first session must show, field by field, in the order of the frames.
FIRST_SESSION = {
    "forebay.type": "1 129 130 2 2 2 131 131 133 7 3 5 4 130 130 2 131 132 6 134 3 8",
    "forebay.magic": "0x46424159",
    "forebay.session": "5e55100000000000000000000000cafe",
    "forebay.hello_level": "3",
    "forebay.floor": "1 4 4 5",
    "forebay.peer": "0",
    "forebay.frame_bytes_max": "256",
    "forebay.overhead": "128",
    "forebay.heartbeat": "10000",
    "forebay.resumed": "0",
    "forebay.limit_bytes": "640 640 690 690",
    "forebay.limit_messages": "10 10 10 4",
    "forebay.received_messages": "0 3 3",
    "forebay.window_state": "0 2 0",
    "forebay.window_reason": "0 1 0",
    "forebay.sequence": "1 2 3 4",
    "forebay.level": "0 0 1 0",
    "forebay.ttl": "0 0 5000 0",
    "forebay.lane": "0 0 1 0",
    "forebay.payload_length": "5 5 0 64",
    # BLOCKED says its own in the middle.
    "forebay.cost": "157 157 160 216 216",
    "forebay.extension.type": "16 19 1",
    "forebay.extension.text": "demo orders",
    "forebay.range.first": "3 1 3 4",
    "forebay.range.count": "1 2 1 1",
    "forebay.range.outcome": "0 16 19 16",
    "forebay.range.code": "0 0 1 0",
    "forebay.token": "0x0000000070696e67 0x0000000070696e67",
    "forebay.backlog_bytes": "690",
    "forebay.backlog_messages": "4",
    "forebay.reclaim_number": "1 1",
    "forebay.error_code": "23",
    "forebay.deadline": "5000",
}
PEER_SESSION = {
    "forebay.type": "1 129 130 9 2 2 131 131 3 8",
    "forebay.peer": "1",
    "forebay.link_sequence": "1",
    "forebay.origin_tag": "7a670000000000000000000000000001",
    "forebay.count": "2",
    "forebay.sequence": "7 7 8",
    "forebay.ttl": "900 1000 1000",
    "forebay.cost": "192 157 157",
}
RESUMED_SESSION = {
    "forebay.type": "1 129 131 130 2 131 2 135",
    "forebay.resumed": "1",
    "forebay.ranges": "3",
    "forebay.known": "44",
    "forebay.range.outcome": "16 18 0 16",
    "forebay.error_code": "8",
    "_ws.expert.message": "43 REJECTED|SEQUENCE_NOT_INCREASING",
}

failures = []
checks = 0


def expect(what, want, have):
    global checks
    checks += 1
    if want != have:
        failures.append(f"{what}: expected {want!r}, found {have!r}")


def tshark(capture, fields, *options):
    """Rows of the wanted fields, one a packet; several values of one field are separated by |."""
    command = ["tshark", "-X", f"lua_script:{PROTO / 'forebay.lua'}", "-n", "-r", str(capture), *options]
    command += ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True)
    trouble = [line for line in done.stderr.splitlines()
               if "root" not in line and "dangerous" not in line and line.strip()]
    if done.returncode != 0 or trouble:
        raise SystemExit(f"tshark: exit status {done.returncode}: {done.stderr.strip()[:500]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def check_session(capture, wanted, what):
    rows = tshark(capture, list(wanted), "-o", f"forebay.ports:{PORT}")
    for index, (field, values) in enumerate(wanted.items()):
        found = "|".join(row[index] for row in rows if row[index])
        expect(f"{what}, {field}", values if "|" in values else values.replace(" ", "|"), found)


# Captures


def pcap(path, packets):
    """Raw IPv4 packets with TCP: (source port, destination port, sequence number, bytes)."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for index, (source, target, sequence, chunk) in enumerate(packets):
            tcp = struct.pack(">HHIIBBHHH", source, target, sequence, 1, 0x50, 0x18, 65535, 0, 0)
            size = 40 + len(chunk)
            ip = struct.pack(">BBHHHBBHII", 0x45, 0, size, index & 0xFFFF, 0, 64, 6, 0,
                             0x0A000001, 0x0A000002)
            file.write(struct.pack("<IIII", index, 0, size, size) + ip + tcp + chunk)


def segments(source, target, raw, size):
    for at in range(0, len(raw), size):
        yield source, target, 1 + at, raw[at:at + size]


def read_session(name):
    """(direction, bytes) of a dump, one for each frame."""
    steps = []
    for line in (PROTO / "sessions" / f"{name}.txt").read_text().splitlines():
        if line in ("I", "O"):
            steps.append((line, b""))
        elif line and not line.startswith("#"):
            steps[-1] = (steps[-1][0], steps[-1][1] + bytes.fromhex(line.split("  ")[1]))
    return steps


def from_text2pcap(folder, name):
    capture = folder / f"{name}.pcapng"
    subprocess.run(
        ["text2pcap", "-q", "-D", "-T", f"40000,{PORT}", PROTO / "sessions" / f"{name}.txt", capture],
        check=True, capture_output=True)
    return capture


# Tests


def test_sessions(folder):
    for name, wanted in [("first", FIRST_SESSION), ("peer", PEER_SESSION), ("resume", RESUMED_SESSION)]:
        check_session(from_text2pcap(folder, name), wanted, name)


def test_reassembly(folder):
    """The client's bytes in segments of every small size, and all at once."""
    raw = b"".join(chunk for side, chunk in read_session("first") if side == "I")
    for size in [1, 2, 3, 7, 8, 9, 44, 61, len(raw)]:
        capture = folder / f"cut{size}.pcap"
        pcap(capture, segments(40000, PORT, raw, size))
        rows = tshark(capture, ["forebay.type", "forebay.sequence"], "-o", f"forebay.ports:{PORT}")
        found = "|".join(row[0] for row in rows if row[0])
        expect(f"segments of {size}", "1|2|2|2|7|3|5|4|2|6|3|8", found)
        expect(f"segments of {size}", "1|2|3|4", "|".join(row[1] for row in rows if row[1]))


def vectors():
    for path in sorted((PROTO / "vectors").glob("*/*.json")):
        for vector in json.loads(path.read_text())["vectors"]:
            if "input" in vector:
                raw = b"".join(
                    bytes.fromhex(part) if isinstance(part, str)
                    else bytes.fromhex(part["hex"]) * part["repeat"] for part in vector["input"])
                if 0 < len(raw) <= 60000:
                    yield vector, raw


def test_vectors(folder):
    """Each vector is a stream: its frames must be shown, and its mistake named where it shows."""
    tried = list(vectors())
    packets = []
    for index, (vector, raw) in enumerate(tried):
        ports = (10000 + index, PORT)
        source, target = ports if vector["setup"]["receiver"] == "daemon" else ports[::-1]
        packets += segments(source, target, raw, len(raw))
    capture = folder / "vectors.pcap"
    pcap(capture, packets)
    rows = tshark(capture, ["forebay.type", "_ws.expert.message", "_ws.expert.severity"],
                  "-o", f"forebay.ports:{PORT}", "-o", "tcp.check_checksum:FALSE",
                  "-o", "tcp.analyze_sequence_numbers:FALSE")
    expect("packets", len(tried), len(rows))
    for (vector, raw), (types, messages, severities) in zip(tried, rows):
        check_vector(vector, raw, types, messages, severities)


def check_vector(vector, raw, types, messages, severities):
    error = vector["expect"].get("error")
    wrong = "8388608" in severities.split("|")  # Error
    if error is None and vector["expect"]["events"][-1:] != [{"event": "bye"}]:
        expect(f"{vector['id']}, mistakes", False, wrong)
        expect(f"{vector['id']}, types", shown_types(raw), types)
    elif error and error["code"] in STATELESS and is_shown(vector, raw, error):
        expect(f"{vector['id']}, {error['code']} in {messages!r}", True, error["code"] in messages)


def shown_types(raw):
    """Of whole frames; the rest of a frame is shown when the next segment comes."""
    found, at = [], 0
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at:at + 4], "big") + 4
        if at + size > len(raw):
            break
        found.append(str(raw[at + 4]))
        at += size
    return "|".join(found)


def is_shown(vector, raw, error):
    """Whether the mistake can be seen by who doesn't know the daemon's settings."""
    raw = raw[error["offset"]:]
    size = int.from_bytes(raw[:4], "big") + 4
    if error["code"] == "FRAME_TOO_LARGE":
        largest = CODES["limits"]["FRAME_BYTES_MAX"]
        return size > largest or (len(raw) >= 8 and raw[4] != 2)
    return len(raw) >= size or error["code"] in ("FRAME_TOO_SHORT", "UNKNOWN_FRAME_TYPE")


def test_directions(folder):
    """A stream whose client is known: a daemon's frame from that side is marked."""
    steps = read_session("first")
    hello, welcome = steps[0][1], steps[1][1]
    capture = folder / "direction.pcap"
    pcap(capture, [(40000, PORT, 1, hello), (40000, PORT, 1 + len(hello), welcome)])
    rows = tshark(capture, ["_ws.expert.message"], "-o", f"forebay.ports:{PORT}")
    expect("a WELCOME from the client", ["", "WRONG_DIRECTION"], [row[0] for row in rows])


def test_ports_and_heuristic(folder):
    raw = read_session("first")[0][1]
    capture = folder / "other.pcap"
    pcap(capture, [(40000, 9999, 1, raw)])
    expect("another port", [[""]], tshark(capture, ["forebay.type"]))
    expect("decode as", [["1"]], tshark(capture, ["forebay.type"], "-d", "tcp.port==9999,forebay"))
    expect("a range of ports", [["1"]],
           tshark(capture, ["forebay.type"], "-o", "forebay.ports:7431,9990-9999"))
    expect("heuristic", [["1"]], tshark(capture, ["forebay.type"], "-o", "forebay.heuristic:TRUE"))
    pcap(capture, [(40000, 9999, 1, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")])
    expect("heuristic, HTTP", [[""]],
           tshark(capture, ["forebay.type"], "-o", "forebay.heuristic:TRUE"))


def test_live(folder):
    """The first session over a socket on `lo`, captured while it runs. Returns why not, if not."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    capture = folder / "live.pcapng"
    log = open(folder / "live.log", "w+")
    capturing = subprocess.Popen(
        ["tshark", "-n", "-i", "lo", "-f", f"tcp port {port}", "-w", str(capture)], stderr=log)
    try:
        reason = wait_for_capture(capturing, folder / "live.log")
        if reason:
            return reason
        converse(listener, port)
        wait_for_bytes(capture, 3000)
    finally:
        if capturing.poll() is None:
            capturing.send_signal(signal.SIGINT)
            capturing.wait(30)
        log.close()
        listener.close()
    rows = tshark(capture, ["forebay.type"], "-o", f"forebay.ports:{port}")
    found = sorted("|".join(row[0] for row in rows if row[0]).split("|"), key=int)
    expect("live, types", sorted(FIRST_SESSION["forebay.type"].split(), key=int), found)
    return None


def wait_for_capture(process, log):
    for _ in range(300):
        said = log.read_text()
        if process.poll() is not None:
            lines = [line for line in said.splitlines() if "root" not in line] or ["tshark ended"]
            return lines[-1]
        if "Capturing on" in said:
            time.sleep(0.5)  # it says so a moment before packets are taken
            return None
        time.sleep(0.1)
    return "the capture didn't begin in 30 s"


def converse(listener, port):
    client = socket.create_connection(("127.0.0.1", port))
    daemon, _ = listener.accept()
    for side, chunk in read_session("first"):
        sender, receiver = (client, daemon) if side == "I" else (daemon, client)
        sender.sendall(chunk)
        left = len(chunk)
        while left > 0:
            left -= len(receiver.recv(left))
    client.close()
    daemon.close()


def wait_for_bytes(capture, count):
    for _ in range(100):
        if capture.exists() and capture.stat().st_size >= count:
            return
        time.sleep(0.1)


def main():
    for tool in ("tshark", "text2pcap"):
        if not shutil.which(tool):
            print(f"dissector: {tool} isn't installed (Debian: apt-get install tshark)", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for test in (test_sessions, test_reassembly, test_vectors, test_directions,
                     test_ports_and_heuristic):
            test(folder)
        not_live = test_live(folder)
    for failure in failures[:30]:
        print(failure[:500], file=sys.stderr)
    live = f"no live capture ({not_live})" if not_live else "with a live capture"
    print(f"dissector: {checks} checks, {len(failures)} failures, {live}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
