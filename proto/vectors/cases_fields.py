"""WIRE.md §4: every frame's fields, one type after another."""

from dsl import *
from encoder import *

CLIENT = {"receiver": "client"}
NEW = {"receiver": "daemon", "state": "new"}

# 4.1 HELLO

EXTS = [(16, "demo"), (17, "forebay-test"), (18, "1.0"), (19, "orders")]
vector("hello/4.1/1", "W-4.1.1 W-6.1.1", "A plain HELLO", hello(), [hello_event()], **NEW)
vector("hello/4.1/2", "W-4.1.1", "HELLO with all its extensions",
       hello(ext=b"".join(ext(kind, value) for kind, value in EXTS)),
       [hello_event(extensions=EXTS)], **NEW)
vector("hello/4.1/3", "W-4.1.4 W-8.3.1", "Level 0 means DELIVERED", hello(level=0),
       [hello_event(level="DELIVERED")], **NEW)
vector("hello/4.1/4", "W-4.1.4", "Level RECEIVED", hello(level=1), [hello_event(level="RECEIVED")],
       **NEW)
vector("hello/4.1/5", "W-4.1.4", "Level STORED", hello(level=2), [hello_event(level="STORED")], **NEW)
vector("hello/4.1/6", "W-4.1.4", "Level 4 isn't defined", hello(level=4), error=("BAD_FIELD", 0), **NEW)
vector("hello/4.1/7", "W-4.1.4", "Level 255", hello(level=255), error=("BAD_FIELD", 0), **NEW)
vector("hello/4.1/8", "W-4.1.3", "Floor 0", hello(floor=0), error=("BAD_FIELD", 0), **NEW)
vector("hello/4.1/9", "W-4.1.3", "The highest floor", hello(floor=U64), [hello_event(floor=U64)], **NEW)
vector("hello/4.1/10", "W-4.1.2", "Nobody drew this session id", hello(session=bytes(16)),
       error=("BAD_FIELD", 0), **NEW)
vector("hello/4.1/11", "W-4.1.2", "A session id with only its last bit set",
       hello(session=bytes(15) + b"\x01"), [hello_event(session="0" * 31 + "1")], **NEW)
vector("hello/4.1/12", "W-4.1.5", "A peer", hello(flags=1), [hello_event(peer=True)], **NEW)
vector("hello/4.1/13", "W-4.1.1", "The magic, one bit off", hello(magic=0x46424158),
       error=("BAD_MAGIC", 0), **NEW)
vector("hello/4.1/14", "W-4.1.1", "The magic in the wrong byte order", hello(magic=0x59414246),
       error=("BAD_MAGIC", 0), **NEW)
vector("hello/4.1/15", "W-3.1.4", "Byte 41 is reserved", hello(zero8=1), error=("RESERVED_BITS", 0), **NEW)
vector("hello/4.1/16", "W-3.1.4", "Bytes 42-43 are reserved", hello(zero16=1),
       error=("RESERVED_BITS", 0), **NEW)
VERSIONS = "W-4.1.1 W-12.1.2"
vector("version/12.1/1", VERSIONS, "A client that speaks 1 to 9", hello(vmax=9),
       [hello_event(versions=(1, 9))], **NEW)
vector("version/12.1/2", VERSIONS, "A client that speaks 0 to 65 535", hello(vmin=0, vmax=65535),
       [hello_event(versions=(0, 65535))], **NEW)
vector("version/12.1/3", VERSIONS, "A client that is too new: 2 to 3", hello(vmin=2, vmax=3),
       error=("UNSUPPORTED_VERSION", 0), **NEW)
vector("version/12.1/4", VERSIONS, "A client that is too old: 0", hello(vmin=0, vmax=0),
       error=("UNSUPPORTED_VERSION", 0), **NEW)
vector("version/12.1/5", VERSIONS, "A range that is none: 2 to 1", hello(vmin=2, vmax=1),
       error=("UNSUPPORTED_VERSION", 0), **NEW)
vector("version/12.1/6", "W-12.1.1", "HELLO of a later version with more in it is still understood",
       hello(vmin=1, vmax=2, ext=ext(60, "new")),
       [hello_event(versions=(1, 2), extensions=[(60, "new")])], **NEW)
vector("version/12.1/7", "W-4.10.1 W-12.1.1", "WELCOME of version 2, whatever else is in it",
       welcome(version=2, frame_max=0), error=("UNSUPPORTED_VERSION", 0), **CLIENT)
vector("version/12.1/8", "W-4.10.1", "WELCOME of version 0", welcome(version=0),
       error=("UNSUPPORTED_VERSION", 0), **CLIENT)

# 4.2 DATA

vector("data/4.2/1", "W-4.2.5", "A message", data(1, "hello"),
       [run(1, 1, 29, messages=[message(1, "hello")])], counted=(157, 1))
vector("data/4.2/2", "W-4.2.5", "An empty message", data(1), [run(1, 1, 24, messages=[message(1)])],
       counted=(152, 1))
for number, name in enumerate(["DEFAULT", "RECEIVED", "STORED", "DELIVERED"]):
    vector(f"data/4.2/{3 + number}", "W-4.2.1 W-8.3.1", f"Level {number}, {name}",
           data(1, "x", level=number), [run(1, 1, 25, level=name)])
vector("data/4.2/7", "W-4.2.3", "The longest ttl", data(1, "x", ttl=2**32 - 1),
       [run(1, 1, 25, ttl=2**32 - 1)])
vector("data/4.2/8", "W-4.2.4", "The highest lane", data(1, "x", lane=7), [run(1, 1, 25, lane=7)])
vector("data/4.2/9", "W-4.2.4", "Lane 8", data(1, "x", lane=8), error=("BAD_FIELD", 0, 24))
vector("data/4.2/10", "W-4.2.4", "Lane 255", data(1, "x", lane=255), error=("BAD_FIELD", 0, 24))
vector("data/4.2/11", "W-3.1.4", "Byte 21 is reserved", data(1, "x", zero=0x80),
       error=("RESERVED_BITS", 0, 24))
SEQ = "W-4.2.2"
vector("data/4.2/12", SEQ, "Sequence 0", data(0, "x"), error=("SEQUENCE_NOT_INCREASING", 0, 24))
vector("data/4.2/13", SEQ, "The first sequence may be any", data(2**40, "x"), [run(2**40, 1, 25)])
vector("data/4.2/14", SEQ, "The highest sequence", data(SEQUENCE_MAX, "x"),
       [run(SEQUENCE_MAX, 1, 25)])
vector("data/4.2/15", SEQ, "2^64 - 1 is no sequence", data(U64, "x"),
       error=("SEQUENCE_NOT_INCREASING", 0, 24))
vector("data/4.2/16", SEQ, "The same sequence again", data(1, "x") + data(1, "x"), [run(1, 1, 25)],
       error=("SEQUENCE_NOT_INCREASING", 25, 49))
vector("data/4.2/17", SEQ, "A sequence that goes back", data(9, "x") + data(8, "x"), [run(9, 1, 25)],
       error=("SEQUENCE_NOT_INCREASING", 25, 49))
vector("data/4.2/18", SEQ, "A gap is allowed", data(1, "x") + data(3, "x"),
       [run(1, 1, 25), run(3, 1, 25)])
vector("data/4.2/19", SEQ, "One above the last", data(78, "x"), [run(78, 1, 25)], last_sequence=77)
vector("data/4.2/20", SEQ, "The last again", data(77, "x"), error=("SEQUENCE_NOT_INCREASING", 0, 24),
       last_sequence=77)
vector("data/4.2/21", SEQ, "Nothing can follow the highest", data(U64, "x"),
       error=("SEQUENCE_NOT_INCREASING", 0, 24), last_sequence=SEQUENCE_MAX)
vector("data/4.2/22", SEQ, "A run up to the highest sequence ends there and doesn't wrap",
       data(SEQUENCE_MAX - 1) + data(SEQUENCE_MAX) + data(U64) + data(0),
       [run(SEQUENCE_MAX - 1, 2, 48)], error=("SEQUENCE_NOT_INCREASING", 48, 72))
vector("data/4.2/23", SEQ, "Sequences whose order depends on their being unsigned",
       data(2**63 - 1) + data(2**63), [run(2**63 - 1, 2, 48)])

# 4.3 SEEN … 4.8 BYE

vector("control/4.3/1", "W-4.3.1", "SEEN", seen(42), [seen_event(42)])
vector("control/4.3/2", "W-4.3.1", "The highest floor", seen(U64), [seen_event(U64)])
vector("control/4.3/3", "W-4.3.1", "Floor 0", seen(0), error=("BAD_FIELD", 0))
vector("control/4.4/1", "W-4.4.1", "BLOCKED", blocked(252, 7), [blocked_event(252, 7)])
vector("control/4.4/2", "W-4.4.1", "The highest cost that the field can say, and no cost",
       blocked(2**32 - 1) + blocked(0), [blocked_event(2**32 - 1), blocked_event(0)])
vector("control/4.4/3", "W-4.4.1", "Floor 0", blocked(252, 0), error=("BAD_FIELD", 0))
vector("control/4.4/4", "W-3.1.4", "The reserved field", blocked(252, 1, zero=1),
       error=("RESERVED_BITS", 0))
vector("control/4.5/1", "W-4.5.1", "BACKLOG", backlog(690, 4), [backlog_event(690, 4)])
vector("control/4.5/2", "W-4.5.1", "BACKLOG wants nothing, then as much as there is",
       backlog(0, 0) + backlog(U64, U64), [backlog_event(0, 0), backlog_event(U64, U64)])
vector("control/4.6/1", "W-4.6.1 W-7.5.4", "RECLAIMED", reclaimed(1), [reclaimed_event(1)])
vector("control/4.6/2", "W-4.6.1", "The highest number", reclaimed(2**32 - 1),
       [reclaimed_event(2**32 - 1)])
vector("control/4.6/3", "W-3.1.4", "The reserved field", reclaimed(1, zero=0x01000000),
       error=("RESERVED_BITS", 0))
vector("control/4.7/1", "W-4.7.1 W-6.3.1", "PONG", pong(0x0102030405060708),
       [pong_event(0x0102030405060708)])
vector("control/4.8/1", "W-4.8.1 W-11.1.1", "Whatever follows BYE is ignored, even what is no frame",
       seen(2) + bye() + data(1) + b"\xff" * 20, [seen_event(2), bye_event()])
vector("control/4.8/2", "W-4.8.1", "Half a frame after BYE is no rest either", bye() + seen(3)[:9],
       [bye_event()])

# 4.9 ORIGIN: fields

PEER = {"peer": True}
vector("peer/4.9/1", "W-4.9.1", "ORIGIN", origin(10, 7, 256, ttl=900, floor=5, lane=3),
       [origin_event(10, 7, 256, ttl=900, floor=5, lane=3)], **PEER)
FIELDS = [
    ("Count 0", origin(1, 1, 0)), ("Count 257", origin(1, 1, 257)),
    ("The highest count that the field can say", origin(1, 1, 2**32 - 1)),
    ("Lane 8", origin(1, 1, 1, lane=8)), ("Floor 0", origin(1, 1, 1, floor=0)),
    ("Sequence 0", origin(1, 0, 1)), ("Link sequence 0", origin(0, 1, 1)),
    ("Sequences that end above the highest", origin(1, U64 - 1, 2)),
    ("Link sequences that end above the highest", origin(U64 - 255, 1, 256)),
    ("Sequence 2^64 - 1", origin(1, U64, 1)),
]
for number, (words, chunk) in enumerate(FIELDS, 2):
    vector(f"peer/4.9/{number}", "W-4.9.1", words, chunk, error=("BAD_FIELD", 0), **PEER)
vector("peer/4.9/12", "W-4.9.1", "Sequences that end at the highest", origin(U64 - 256, U64 - 256, 256),
       [origin_event(U64 - 256, U64 - 256, 256)], **PEER)
for number, zeros in enumerate([(1, 0, 0), (0, 1, 0), (0, 0, 1)], 13):
    vector(f"peer/4.9/{number}", "W-3.1.4", f"Reserved field {number - 12} of 3",
           origin(1, 1, 1, zeros=zeros), error=("RESERVED_BITS", 0), **PEER)
