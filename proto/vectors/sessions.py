"""Whole sessions: who sends what, with a word on each frame. WIRE.md §15 shows them."""

from encoder import (
    SESSION, backlog, blocked, bye, data, error, ext, goaway, hello, origin, ping, pong, range_,
    receipt, reclaim, reclaimed, seen, welcome, window,
)

CLIENT, DAEMON = "I", "O"

FIRST = [
    (CLIENT, "HELLO: session, floor 1, level DELIVERED; CLIENT_NAME demo, ROUTE orders",
     hello(ext=ext(16, "demo") + ext(19, "orders"))),
    (DAEMON, "WELCOME: frames up to 256 bytes, overhead 128, heartbeat 10 s, a new session",
     welcome(256, 128, heartbeat=10000)),
    (DAEMON, "WINDOW: 640 bytes and 10 messages in all", window(640, 10)),
    (CLIENT, "DATA 1: hello. 29 bytes, costs 157", data(1, "hello")),
    (CLIENT, "DATA 2: world. 29 bytes, costs 157; sent 314", data(2, "world")),
    (CLIENT, "DATA 3: level RECEIVED, ttl 5 s, lane 1, KEY k1, no payload. Costs 160; sent 474",
     data(3, level=1, ttl=5000, lane=1, ext=ext(1, "k1"))),
    (DAEMON, "RECEIPT: 3 RECEIVED", receipt(range_(3, 1, 0))),
    (DAEMON, "RECEIPT: 1-2 DELIVERED, 3 EXPIRED (TTL_EXPIRED)",
     receipt(range_(1, 2, 16), range_(3, 1, 19, 0, 1))),
    (DAEMON, "PING", ping(0x70696E67)),
    (CLIENT, "PONG", pong(0x70696E67)),
    (CLIENT, "SEEN: floor 4", seen(4)),
    (CLIENT, "BACKLOG: up to 690 bytes and 4 messages in all: one message of 216 is left",
     backlog(690, 4)),
    (CLIENT, "BLOCKED: the next frame costs 216, and 640 - 474 = 166", blocked(216, 4)),
    (DAEMON, "WINDOW: as before, 474 bytes and 3 messages received; SHUT, BUFFER_FULL, retry in 200 ms",
     window(640, 10, 474, 3, 200, 2, 1)),
    (DAEMON, "WINDOW: 690 bytes, 10 messages; OPEN", window(690, 10, 474, 3)),
    (CLIENT, "DATA 4: 64 bytes of payload, costs 216; sent 690", data(4, b"." * 64)),
    (DAEMON, "RECEIPT: 4 DELIVERED", receipt(range_(4, 1, 16))),
    (DAEMON, "RECLAIM 1: back to 690 bytes, 4 messages", reclaim(1, 690, 4)),
    (CLIENT, "RECLAIMED 1", reclaimed(1)),
    (DAEMON, "GOAWAY: SHUTTING_DOWN, in 5 s", goaway(23, 5000)),
    (CLIENT, "SEEN: floor 5", seen(5)),
    (CLIENT, "BYE", bye()),
]

RESUME = [
    (CLIENT, "HELLO: the same session, floor 41", hello(floor=41)),
    (DAEMON, "WELCOME: RESUMED, 3 ranges follow, 44 is the highest known",
     welcome(256, 128, ranges=3, known=44, flags=1)),
    (DAEMON, "RECEIPT: 41-42 DELIVERED, 43 REJECTED (UPSTREAM_REJECTED), 44 held",
     receipt(range_(41, 2, 16), range_(43, 1, 18, 0, 3), range_(44, 1, 0))),
    (DAEMON, "WINDOW: 640 bytes, 10 messages", window(640, 10)),
    (CLIENT, "DATA 45, which was lost with the old connection", data(45, "again")),
    (DAEMON, "RECEIPT: 44-45 DELIVERED", receipt(range_(44, 2, 16))),
    (CLIENT, "DATA 45 once more: a bug", data(45, "again")),
    (DAEMON, "ERROR: SEQUENCE_NOT_INCREASING", error(8)),
]

PEER = [
    (CLIENT, "HELLO: PEER, level RECEIVED",
     hello(session=bytes.fromhex("0b5e0000000000000000000000000002"), level=1, flags=1)),
    (DAEMON, "WELCOME", welcome(256, 128)),
    (DAEMON, "WINDOW: 2 048 bytes, 16 messages", window(2048, 16)),
    (CLIENT, "ORIGIN: link sequence 1, two messages from 7 on, 900 ms left. Costs 192",
     origin(1, 7, 2, ttl=900, floor=5)),
    (CLIENT, "DATA 7, as the client sent it. Costs 157; sent 349", data(7, "seven", ttl=1000)),
    (CLIENT, "DATA 8. Costs 157; sent 506 and 2 messages", data(8, "eight", ttl=1000)),
    (DAEMON, "RECEIPT: link sequences 1-2 RECEIVED", receipt(range_(1, 2, 0))),
    (DAEMON, "RECEIPT: 1-2 DELIVERED", receipt(range_(1, 2, 16))),
    (CLIENT, "SEEN: floor 3", seen(3)),
    (CLIENT, "BYE", bye()),
]

SESSIONS = {
    "first": ("From HELLO to BYE: all that a client can meet on a good day", FIRST),
    "resume": ("Back after a lost connection, and an error", RESUME),
    "peer": ("Forebay to Forebay", PEER),
}


def bytes_from(side, steps):
    return b"".join(chunk for sender, _, chunk in steps if sender == side)


def hex_dump(steps):
    """text2pcap's form: a direction, then offset and bytes; a # begins a comment."""
    lines = []
    for sender, words, chunk in steps:
        lines += [f"# {words}", sender]
        for at in range(0, len(chunk), 16):
            lines.append(f"{at:06x}  {chunk[at:at + 16].hex(' ')}")
    return "\n".join(lines) + "\n"


assert len(SESSION) == 16
