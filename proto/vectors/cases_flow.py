"""WIRE.md §7, §8.2, §10 and §15: credit, runs, the peer link, whole sessions."""

from dsl import *
from encoder import *
from sessions import CLIENT as FROM_CLIENT, DAEMON as FROM_DAEMON, FIRST, PEER, RESUME, bytes_from

CLIENT = {"receiver": "client"}
NEW = {"receiver": "daemon", "state": "new"}
LINK = {"peer": True}

# 7 Credit, as the daemon polices it. A message of 5 bytes: a frame of 29, costs 157.

HI = "hello"
vector("credit/7.2/1", "W-7.1.1 W-7.2.1", "A frame that fits exactly", data(1, HI), [run(1, 1, 29)],
       limit_bytes=157, counted=(157, 1))
vector("credit/7.2/2", "W-7.2.1", "One byte over the limit", data(1, HI), error=("FLOW_CONTROL", 0, 24),
       limit_bytes=156)
vector("credit/7.2/3", "W-7.2.1", "Exactly as many messages as the limit", data(1, HI) + data(2, HI),
       [run(1, 2, 58)], limit_messages=2, counted=(314, 2))
vector("credit/7.2/4", "W-7.2.1", "One message over the limit",
       data(1, HI) + data(2, HI) + data(3, HI), [run(1, 2, 58)], error=("FLOW_CONTROL", 58, 82),
       limit_messages=2)
vector("credit/7.2/5", "W-7.2.1", "Three fit, the fourth is one byte too many",
       data(1, HI) + data(2, HI) + data(3, HI) + data(4, HI + "!"), [run(1, 3, 87)],
       error=("FLOW_CONTROL", 87, 111), limit_bytes=4 * 157)
vector("credit/7.2/6", "W-6.1.3 W-7.2.1", "Before the first WINDOW the limits are 0", hello() + data(1, HI),
       [hello_event()], error=("FLOW_CONTROL", 44, 68), limit_bytes=0, limit_messages=0, **NEW)
vector("credit/7.2/7", "W-6.1.3 W-7.1.1", "Frames that cost nothing need no limit",
       seen(1) + blocked(157) + backlog(157, 1) + pong(1) + reclaimed(1) + bye(),
       [seen_event(1), blocked_event(157), backlog_event(157, 1), pong_event(1), reclaimed_event(1),
        bye_event()], limit_bytes=0, limit_messages=0, counted=(0, 0))
vector("credit/7.2/8", "W-7.1.1", "Without overhead an empty message costs its 24 bytes",
       data(1) + data(2), [run(1, 2, 48)], overhead=0, limit_bytes=48, counted=(48, 2))
vector("credit/7.2/9", "W-7.1.1", "The largest overhead", data(1, HI), [run(1, 1, 29)], overhead=65536,
       limit_bytes=65565, counted=(65565, 1))
vector("credit/7.2/10", "W-7.1.1", "… and one byte less", data(1, HI), error=("FLOW_CONTROL", 0, 24),
       overhead=65536, limit_bytes=65564)
vector("credit/7.2/11", "W-7.2.1", "Bytes for one message, but no message", data(1, HI),
       error=("FLOW_CONTROL", 0, 24), limit_bytes=10000, limit_messages=0)
vector("credit/7.2/12", "W-7.1.2", "A message that is rejected counts, and leaves too little for another",
       data(1, ext=ext(128)) + data(2), [unsupported(1, 28)], error=("FLOW_CONTROL", 28, 52),
       limit_bytes=156 + 151)
vector("credit/7.2/13", "W-7.1.2", "A frame that never became whole doesn't count",
       data(1, HI) + data(2, HI)[:28], [run(1, 1, 29)], incomplete=(29, 29), counted=(157, 1))
vector("credit/7.2/14", "W-7.2.1", "Extensions cost as payload does", data(1, HI, ext=ext(1, "key!")),
       [run(1, 1, 37)], limit_bytes=165, counted=(165, 1))

# 7 Credit, as a client keeps to it.

credit("credit/7.3/1", "W-7.1.1 W-7.2.1 W-7.2.2 W-7.5.1", "The example in numbers of §7.3", 128, [
    ("send", 124, False),
    ("recv", window(1000, 10)),
    ("send", 124, True), ("send", 124, True), ("send", 124, True), ("send", 124, False),
    ("recv", window(1000, 10, 756, 3, 200, 2, 1)), ("send", 124, False),
    ("recv", receipt(range_(1, 2, 16))), ("send", 124, False),
    ("recv", window(1504, 12)), ("send", 124, True), ("send", 124, True), ("send", 124, False),
    ("recv", window(1300, 12)), ("send", 124, False),
    ("recv", window(1512, 12)), ("send", 125, False), ("send", 124, True), ("send", 24, False),
    ("recv", window(4000, 12)),
    ("recv", reclaim(1, 1764, 7)), ("send", 125, False), ("send", 124, True), ("send", 24, False),
])
credit("credit/7.2/15", "W-7.2.2", "Limits are absolute: the same WINDOW twice gives nothing", 0, [
    ("recv", window(100, 10)), ("recv", window(100, 10)),
    ("send", 100, True), ("send", 24, False),
])
credit("credit/7.2/16", "W-7.2.2", "Each limit rises by itself", 0, [
    ("recv", window(100, 1)), ("send", 50, True), ("send", 24, False),
    ("recv", window(50, 2)), ("send", 51, False), ("send", 50, True),
])
credit("credit/7.2/17", "W-7.2.1", "Limits up to 2^64 - 1: written as limit - sent, nothing overflows", 128, [
    ("recv", window(U64, U64)), ("send", 16777216, True), ("send", 24, True),
    ("recv", window(0, 0)), ("send", 24, True),
])
credit("credit/7.5/1", "W-7.5.1", "RECLAIM below what was sent: the limit is what was sent", 0, [
    ("recv", window(1000, 10)), ("send", 600, True),
    ("recv", reclaim(1, 100, 0)), ("send", 24, False),
    ("recv", window(100, 0)), ("send", 24, False),
    ("recv", window(624, 2)), ("send", 24, True), ("send", 24, False),
])
credit("credit/7.5/2", "W-7.5.3", "RECLAIM above the limits raises nothing", 0, [
    ("recv", window(100, 1)), ("recv", reclaim(1, 5000, 50)),
    ("send", 101, False), ("send", 100, True), ("send", 24, False),
])
credit("credit/7.5/3", "W-7.5.1", "RECLAIM of messages alone", 0, [
    ("recv", window(1000, 10)), ("send", 24, True),
    ("recv", reclaim(1, 1000, 2)), ("send", 24, True), ("send", 24, False),
    ("recv", window(1000, 3)), ("send", 24, True), ("send", 24, False),
])

# 8.2 Runs


def messages(first, count, **fields):
    return b"".join(data(first + i, **fields) for i in range(count))


RUN = "W-8.2.1"
vector("run/8.2/1", RUN, "255 messages", messages(1, 255), [run(1, 255, 6120)])
vector("run/8.2/2", RUN, "256 messages: the longest run", messages(1, 256), [run(1, 256, 6144)])
vector("run/8.2/3", RUN, "257 messages", messages(1, 257), [run(1, 256, 6144), run(257, 1, 24)])
vector("run/8.2/4", RUN, "513 messages", messages(1, 513),
       [run(1, 256, 6144), run(257, 256, 6144), run(513, 1, 24)], counted=(513 * 152, 513))
vector("run/8.2/5", RUN, "Payloads of all sizes are one run", data(1) + data(2, "a") + data(3, "b" * 999),
       [run(1, 3, 1072, messages=[message(1), message(2, "a"), message(3, "b" * 999)])])
vector("run/8.2/6", RUN, "Extensions make no difference",
       data(1, "a") + data(2, "b", ext=ext(1, "k")) + data(3, "c"),
       [run(1, 3, 83, messages=[message(1, "a"), message(2, "b", [(1, "k")]), message(3, "c")])])
vector("run/8.2/7", RUN, "A gap begins a new run", messages(1, 2) + messages(4, 2),
       [run(1, 2, 48), run(4, 2, 48)])
vector("run/8.2/8", RUN, "Another lane", data(1) + data(2, lane=1) + data(3, lane=1) + data(4),
       [run(1, 1, 24), run(2, 2, 48, lane=1), run(4, 1, 24)])
vector("run/8.2/9", RUN, "Another ttl", data(1, ttl=5) + data(2, ttl=5) + data(3, ttl=6),
       [run(1, 2, 48, ttl=5), run(3, 1, 24, ttl=6)])
vector("run/8.2/10", RUN, "Another level", data(1) + data(2, level=1) + data(3, level=3),
       [run(1, 1, 24), run(2, 1, 24, level="RECEIVED"), run(3, 1, 24, level="DELIVERED")])
vector("run/8.2/11", RUN, "A ttl that differs in its highest bit only, a lane in its lowest",
       data(1, ttl=1) + data(2, ttl=0x80000001) + data(3, ttl=0x80000001, lane=1),
       [run(1, 1, 24, ttl=1), run(2, 1, 24, ttl=0x80000001), run(3, 1, 24, ttl=0x80000001, lane=1)])
vector("run/8.2/12", RUN, "Another frame in between", data(1) + seen(1) + data(2),
       [run(1, 1, 24), seen_event(1), run(2, 1, 24)])
vector("run/8.2/13", RUN, "A message with an unknown critical extension, with 256 around it",
       messages(1, 256) + data(257, ext=ext(128)) + messages(258, 256),
       [run(1, 256, 6144), unsupported(257, 28), run(258, 256, 6144)])
vector("run/8.2/14", "W-3.3.1 W-8.2.1", "The limit in messages cuts a run", messages(1, 257),
       [run(1, 255, 6120)], error=("FLOW_CONTROL", 6120, 6144), limit_messages=255)
MISTAKES = [
    ("reserved bits", data(3, reserved=1), "RESERVED_BITS", 8),
    ("a flag that isn't defined", data(3, flags=4), "RESERVED_BITS", 24),
    ("byte 21", data(3, zero=1), "RESERVED_BITS", 24),
    ("lane 8", data(3, lane=8), "BAD_FIELD", 24),
    ("a sequence that goes back", data(2), "SEQUENCE_NOT_INCREASING", 24),
    ("a length below its fixed fields", data(3, length=19), "FRAME_TOO_SHORT", 8),
    ("a length above the maximum", data(3, length=4093), "FRAME_TOO_LARGE", 8),
    ("a length of 2^32 - 1", data(3, length=0xFFFFFFFF), "FRAME_TOO_LARGE", 4),
    ("extensions beyond its end", data(3, ext_bytes=4), "BAD_EXTENSION", 24),
    ("extensions that are no list", data(3, ext=b"\x01\x01\x00\x00"), "BAD_EXTENSION", 28),
]
for number, (words, chunk, code, known) in enumerate(MISTAKES, 15):
    vector(f"run/8.2/{number}", "W-3.3.3 W-8.2.1", f"Two messages, then one with {words}",
           messages(1, 2) + chunk, [run(1, 2, 48)], error=(code, 48, 48 + known))

# 10 The peer link

vector("peer/10.1/1", "W-10.1.1 W-7.1.1", "ORIGIN and its three messages",
       origin(10, 7, 3, ttl=900) + data(7, HI) + data(8, HI) + data(9, HI),
       [origin_event(10, 7, 3, ttl=900), run(7, 3, 87)], counted=(192 + 3 * 157, 3), **LINK)
vector("peer/10.1/2", "W-10.1.1", "Another client's messages: sequences go back, link sequences don't",
       origin(1, 500, 2) + data(500) + data(501) + origin(3, 1, 1) + data(1),
       [origin_event(1, 500, 2), run(500, 2, 48), origin_event(3, 1, 1), run(1, 1, 24)], **LINK)
MISMATCH = [
    ("DATA without ORIGIN", b"", data(1)),
    ("One message more than ORIGIN said", origin(1, 7, 1) + data(7), data(8)),
    ("Another sequence than ORIGIN said", origin(1, 7, 2), data(8)),
    ("A gap within a run", origin(1, 7, 3) + data(7), data(9)),
    ("The same sequence twice within a run", origin(1, 7, 3) + data(7), data(7)),
    ("ORIGIN although one message is missing", origin(1, 7, 2) + data(7), origin(9, 8, 1)),
    ("2^64 - 1 is no sequence here either", origin(1, 7, 2) + data(7), data(U64)),
]
STANDS = [
    [], [origin_event(1, 7, 1), run(7, 1, 24)], [origin_event(1, 7, 2)],
    [origin_event(1, 7, 3), run(7, 1, 24)], [origin_event(1, 7, 3), run(7, 1, 24)],
    [origin_event(1, 7, 2), run(7, 1, 24)], [origin_event(1, 7, 2), run(7, 1, 24)],
]
for number, ((words, before, bad), events) in enumerate(zip(MISMATCH, STANDS), 3):
    vector(f"peer/10.1/{number}", "W-10.1.1", words, before + bad, events,
           error=("ORIGIN_MISMATCH", len(before)), **LINK)
vector("peer/10.1/10", "W-10.1.1", "ORIGIN from a client that isn't a peer", origin(1, 7, 1),
       error=("ORIGIN_MISMATCH", 0))
vector("peer/10.1/11", "W-10.1.1", "Other frames may come within a run",
       origin(1, 7, 2) + data(7) + pong(3) + seen(1) + data(8),
       [origin_event(1, 7, 2), run(7, 1, 24), pong_event(3), seen_event(1), run(8, 1, 24)], **LINK)
vector("peer/10.1/12", "W-10.1.2", "The same link sequence again", origin(1, 7, 1) + data(7) + origin(1, 8, 1),
       [origin_event(1, 7, 1), run(7, 1, 24)], error=("SEQUENCE_NOT_INCREASING", 88), **LINK)
vector("peer/10.1/13", "W-10.1.2", "Link sequences that overlap the run before",
       origin(1, 7, 3) + messages(7, 3) + origin(3, 10, 1), [origin_event(1, 7, 3), run(7, 3, 72)],
       error=("SEQUENCE_NOT_INCREASING", 136), **LINK)
vector("peer/10.1/14", "W-10.1.2", "A gap in the link sequences", origin(1, 7, 1) + data(7) + origin(9, 8, 1),
       [origin_event(1, 7, 1), run(7, 1, 24), origin_event(9, 8, 1)], **LINK)
vector("peer/10.1/15", "W-10.1.2", "A link sequence not above the last one", origin(40, 7, 1),
       error=("SEQUENCE_NOT_INCREASING", 0), last_link_sequence=40, **LINK)
vector("peer/10.1/16", "W-10.1.3", "ORIGIN's lane and ttl hold, whatever DATA says",
       origin(1, 7, 2, lane=2, ttl=5) + data(7, lane=1, ttl=9) + data(8, lane=1, ttl=9),
       [origin_event(1, 7, 2, lane=2, ttl=5), run(7, 2, 48, lane=1, ttl=9)], **LINK)
vector("peer/10.1/17", "W-10.1.4 W-7.2.1", "ORIGIN and one message fit exactly", origin(1, 7, 1) + data(7),
       [origin_event(1, 7, 1), run(7, 1, 24)], limit_bytes=192 + 152, limit_messages=1,
       counted=(344, 1), **LINK)
vector("peer/10.1/18", "W-7.1.1 W-7.2.1", "ORIGIN is one byte over the limit", origin(1, 7, 1),
       error=("FLOW_CONTROL", 0), limit_bytes=191, **LINK)
vector("peer/10.1/19", "W-7.1.1", "ORIGIN costs no message", origin(1, 7, 1), [origin_event(1, 7, 1)],
       limit_bytes=192, limit_messages=0, counted=(192, 0), **LINK)
vector("peer/10.1/20", "W-3.3.1", "ORIGIN: link sequence, then credit", origin(3, 7, 1), limit_bytes=0,
       error=("SEQUENCE_NOT_INCREASING", 0), last_link_sequence=3, **LINK)
vector("peer/10.1/21", "W-3.3.1", "ORIGIN: its place, then its fields",
       origin(1, 7, 2) + origin(2, 7, 0), [origin_event(1, 7, 2)], error=("ORIGIN_MISMATCH", 64), **LINK)
vector("peer/10.1/22", "W-10.1.1 W-3.4.5", "A message that is rejected is one of ORIGIN's",
       origin(1, 7, 3) + data(7) + data(8, ext=ext(128)) + data(9),
       [origin_event(1, 7, 3), run(7, 1, 24), unsupported(8, 28), run(9, 1, 24)], **LINK)
vector("peer/10.1/23", "W-10.1.1", "256 messages up to the highest sequence",
       origin(U64 - 256, U64 - 256, 256) + messages(U64 - 256, 256),
       [origin_event(U64 - 256, U64 - 256, 256), run(U64 - 256, 256, 6144)], **LINK)
vector("peer/10.1/24", "W-10.1.1", "Two clients' messages are two runs though sequences go on",
       origin(1, 7, 1) + data(7) + origin(2, 8, 1) + data(8),
       [origin_event(1, 7, 1), run(7, 1, 24), origin_event(2, 8, 1), run(8, 1, 24)], **LINK)

# 15 Whole sessions

vector("session/15/1", "W-6.1.1 W-6.1.3 W-6.3.1", "The first session of §15, as the daemon hears it",
       bytes_from(FROM_CLIENT, FIRST), [
           hello_event(extensions=[(16, "demo"), (19, "orders")]),
           run(1, 2, 58, messages=[message(1, "hello"), message(2, "world")]),
           run(3, 1, 32, lane=1, ttl=5000, level="RECEIVED", messages=[message(3, "", [(1, "k1")])]),
           pong_event(0x70696E67), seen_event(4), backlog_event(690, 4), blocked_event(216, 4),
           run(4, 1, 88), reclaimed_event(1), seen_event(5), bye_event(),
       ], counted=(690, 4), frame_bytes_max=256, limit_bytes=690, limit_messages=10, **NEW)
vector("session/15/2", "W-6.1.2 W-6.3.1", "The first session, as the client hears it",
       bytes_from(FROM_DAEMON, FIRST), [
           welcome_event(256, 128, 10000), window_event(640, 10),
           receipt_event(outcome(3, 1, "RECEIVED")),
           receipt_event(outcome(1, 2, "DELIVERED"), outcome(3, 1, "EXPIRED", 0, 1)),
           ping_event(0x70696E67), window_event(640, 10, 474, 3, 200, "SHUT", "BUFFER_FULL"),
           window_event(690, 10, 474, 3), receipt_event(outcome(4, 1, "DELIVERED")),
           reclaim_event(1, 690, 4), goaway_event(23, 5000),
       ], **CLIENT)
vector("session/15/3", "W-4.2.2", "The session that goes on, as the daemon hears it",
       bytes_from(FROM_CLIENT, RESUME), [hello_event(floor=41), run(45, 1, 29)],
       error=("SEQUENCE_NOT_INCREASING", 73), frame_bytes_max=256, limit_bytes=640, limit_messages=10,
       **NEW)
vector("session/15/4", "W-6.1.2 W-9.1.3 W-11.3.1", "The session that goes on, as the client hears it",
       bytes_from(FROM_DAEMON, RESUME), [
           welcome_event(256, 128, ranges=3, known=44, resumed=True),
           receipt_event(outcome(41, 2, "DELIVERED"), outcome(43, 1, "REJECTED", 0, 3),
                         outcome(44, 1, "RECEIVED")),
           window_event(640, 10), receipt_event(outcome(44, 2, "DELIVERED")), error_event(8),
       ], **CLIENT)
vector("session/15/5", "W-10.1.1 W-10.1.2 W-10.1.3", "The peer link, as the daemon hears it",
       bytes_from(FROM_CLIENT, PEER), [
           hello_event(level="RECEIVED", peer=True, session="0b5e0000000000000000000000000002"),
           origin_event(1, 7, 2, ttl=900, floor=5),
           run(7, 2, 58, ttl=1000, messages=[message(7, "seven"), message(8, "eight")]),
           seen_event(3), bye_event(),
       ], counted=(506, 2), frame_bytes_max=256, limit_bytes=2048, limit_messages=16, **NEW)
vector("session/15/6", "W-6.1.2", "The peer link, as the client hears it", bytes_from(FROM_DAEMON, PEER), [
    welcome_event(256, 128), window_event(2048, 16), receipt_event(outcome(1, 2, "RECEIVED")),
    receipt_event(outcome(1, 2, "DELIVERED")),
], **CLIENT)
