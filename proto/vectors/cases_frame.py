"""WIRE.md §3: header, lengths, the order of judgement, extensions."""

from dsl import *
from encoder import *

DAEMON = {"receiver": "daemon"}
CLIENT = {"receiver": "client"}
NEW = {"receiver": "daemon", "state": "new"}

# 3.1 Header

vector("frame/3.1/1", "W-3.1.1", "The shortest frame there is: BYE", bye(), [bye_event()])
vector("frame/3.1/2", "W-3.1.1", "Length 3 leaves no room for the header", bye(length=3),
       error=("FRAME_TOO_SHORT", 0, 4))
vector("frame/3.1/3", "W-3.1.1", "Length 0", frame(8, length=0), error=("FRAME_TOO_SHORT", 0, 4))
for number, kind in enumerate([0, 10, 127, 128, 136, 255], 4):
    vector(f"frame/3.1/{number}", "W-3.1.2", f"Type {kind} isn't defined", frame(kind, bytes(8)),
           error=("UNKNOWN_FRAME_TYPE", 0, 8))
vector("frame/3.1/10", "W-3.1.2", "Type 10 isn't defined, whoever reads it", frame(10, bytes(8)),
       error=("UNKNOWN_FRAME_TYPE", 0, 8), **CLIENT)
vector("frame/3.1/11", "W-3.1.3", "Byte 6 isn't zero", seen(1, reserved=0x0100),
       error=("RESERVED_BITS", 0, 8))
vector("frame/3.1/12", "W-3.1.3", "Byte 7 isn't zero", data(1, reserved=1),
       error=("RESERVED_BITS", 0, 8))
vector("frame/3.1/13", "W-3.1.3", "Byte 7 isn't zero, in a frame of the daemon",
       window(1, 1, reserved=0x80), error=("RESERVED_BITS", 0, 8), **CLIENT)
vector("frame/3.1/14", "W-3.1.4", "DATA has only two flag bits", data(1, flags=4),
       error=("RESERVED_BITS", 0, 24))
vector("frame/3.1/15", "W-3.1.4", "The highest flag bit in DATA", data(1, flags=0x80),
       error=("RESERVED_BITS", 0, 24))
vector("frame/3.1/16", "W-3.1.4", "HELLO has only one flag bit", hello(flags=2),
       error=("RESERVED_BITS", 0), **NEW)
FLAGLESS = [seen(1, flags=1), blocked(152, flags=1), backlog(1, 1, flags=1), reclaimed(1, flags=1),
            pong(1, flags=1), bye(flags=1)]
for number, chunk in enumerate(FLAGLESS, 17):
    vector(f"frame/3.1/{number}", "W-3.1.4", f"Type {chunk[4]} has no flags", chunk,
           error=("RESERVED_BITS", 0))
vector("frame/3.1/23", "W-3.1.4", "ORIGIN has no flags", origin(1, 1, 1, flags=1),
       error=("RESERVED_BITS", 0), peer=True)
vector("frame/3.1/24", "W-3.1.4", "WELCOME has only one flag bit", welcome(flags=3),
       error=("RESERVED_BITS", 0), **CLIENT)
FLAGLESS = [window(1, 1, flags=1), receipt(range_(1, 1, 16), flags=1), reclaim(1, 1, 1, flags=1),
            ping(1, flags=1), goaway(23, 0, flags=1), error(9, flags=1)]
for number, chunk in enumerate(FLAGLESS, 25):
    vector(f"frame/3.1/{number}", "W-3.1.4", f"Type {chunk[4]} has no flags", chunk,
           error=("RESERVED_BITS", 0), **CLIENT)

# 3.2 Length

for number, length in enumerate([0xFFFFFFFF, 0xFFFFFFFC, 0xFFFFFFFB, 0x80000000, 0x7FFFFFFF], 1):
    vector(f"frame/3.2/{number}", "W-3.2.3", f"Length {length:#x}: adding 4 may overflow",
           data(1, length=length), error=("FRAME_TOO_LARGE", 0, 4))
vector("frame/3.2/6", "W-3.2.3", "Length 0xffffffff, read by a client", window(1, 1, length=0xFFFFFFFF),
       error=("FRAME_TOO_LARGE", 0, 4), **CLIENT)
vector("frame/3.2/7", "W-3.2.3", "65 537 bytes are above every bound where DATA may have 4 096",
       data(1, length=65533), error=("FRAME_TOO_LARGE", 0, 4))
vector("frame/3.2/8", "W-3.2.3", "65 536 bytes could be anything until the type is there",
       data(1, length=65532)[:7], incomplete=(0, 0))
vector("frame/3.2/9", "W-3.2.2 W-3.2.3", "65 536 bytes of DATA where it may have 4 096",
       data(1, length=65532)[:8], error=("FRAME_TOO_LARGE", 0, 8))
vector("frame/3.2/10", "W-3.2.2", "The largest DATA frame: exactly 4 096 bytes",
       [data(1, bytes(4072))[:24], (4072, b"\xaa")], [run(1, 1, 4096)], counted=(4224, 1))
vector("frame/3.2/11", "W-3.2.2", "One byte more than the largest DATA frame, told by its header",
       data(1, length=4093)[:8], error=("FRAME_TOO_LARGE", 0, 8))
vector("frame/3.2/12", "W-3.2.2", "DATA may be larger than 65 536 bytes where WELCOME said so",
       [data(1, length=99996)[:24], (99976, b"\x5a")], [run(1, 1, 100000)],
       frame_bytes_max=100000)
vector("frame/3.2/13", "W-3.2.3", "… and is then refused at its fourth byte when it is larger still",
       data(1, length=99997)[:4], error=("FRAME_TOO_LARGE", 0, 4), frame_bytes_max=100000)
vector("frame/3.2/14", "W-3.2.2", "A maximum of 24 bytes leaves room for empty messages",
       data(1) + data(2), [run(1, 2, 48)], frame_bytes_max=24)
vector("frame/3.2/15", "W-3.2.2", "A maximum of 24 bytes, and a payload of one byte",
       data(1, "x"), error=("FRAME_TOO_LARGE", 0, 8), frame_bytes_max=24)
SHORT = [data(1), seen(1), blocked(152), backlog(1, 1), reclaimed(1), pong(1)]
for number, chunk in enumerate(SHORT, 16):
    vector(f"frame/3.2/{number}", "W-3.2.1", f"Type {chunk[4]}, one byte short of its fixed fields",
           frame(chunk[4], chunk[8:-1]), error=("FRAME_TOO_SHORT", 0, 8))
vector("frame/3.2/22", "W-3.2.1", "HELLO, one byte short", frame(1, hello()[8:-1]),
       error=("FRAME_TOO_SHORT", 0, 8), **NEW)
vector("frame/3.2/23", "W-3.2.1", "ORIGIN, one byte short", frame(9, origin(1, 1, 1)[8:-1]),
       error=("FRAME_TOO_SHORT", 0, 8), peer=True)
SHORT = [welcome(), window(1, 1), receipt(range_(1, 1, 16)), reclaim(1, 1, 1), ping(1),
         goaway(23, 0), error(9)]
for number, chunk in enumerate(SHORT, 24):
    vector(f"frame/3.2/{number}", "W-3.2.1", f"Type {chunk[4]}, one byte short of its fixed fields",
           frame(chunk[4], chunk[8:-1]), error=("FRAME_TOO_SHORT", 0, 8), **CLIENT)
vector("frame/3.2/31", "W-3.2.1", "RECEIPT without a range", receipt(),
       error=("FRAME_TOO_SHORT", 0, 8), **CLIENT)
vector("frame/3.2/32", "W-3.2.2 W-3.4.3", "SEEN with exactly 16 384 bytes of extensions",
       [seen(7, length=12 + 16384), ext(99, length=16380), (16380, b"\x31")],
       [seen_event(7, extensions=[(99, b"\x31" * 16380)])])
vector("frame/3.2/33", "W-3.2.2 W-3.4.3", "SEEN with one entry more",
       seen(7, length=12 + 16388)[:8], error=("FRAME_TOO_LARGE", 0, 8))
vector("frame/3.2/34", "W-3.2.2", "RECEIPT with 4 096 ranges is above every bound",
       receipt(length=4 + 4096 * 16)[:4], error=("FRAME_TOO_LARGE", 0, 4), **CLIENT)
vector("frame/3.2/35", "W-3.2.2", "RECEIPT with one byte more than 4 095 ranges",
       receipt(length=4 + 4095 * 16 + 1), error=("FRAME_TOO_LARGE", 0, 8), **CLIENT)
vector("frame/3.2/36", "W-2.1.3", "Nothing", b"")
vector("frame/3.2/37", "W-2.1.3", "Three bytes of a length", seen(1)[:3], incomplete=(0, 0))
vector("frame/3.2/38", "W-2.1.3", "A header without its last byte", seen(1)[:7], incomplete=(0, 0))
vector("frame/3.2/39", "W-2.1.3", "A header says how much is to come", seen(1)[:8],
       incomplete=(0, 16))
vector("frame/3.2/40", "W-2.1.3", "A whole frame, and all but one byte of the next",
       seen(1) + blocked(152, 9)[:-1], [seen_event(1)], incomplete=(16, 24))
vector("frame/3.2/41", "W-2.1.3", "Two DATA frames and half of a third",
       data(1, "abc") + data(2, "abc") + data(3, "abcdef")[:26], [run(1, 2, 54)],
       incomplete=(54, 30))

# 3.3 The order of judgement

ORDER = "W-3.3.1"
vector("frame/3.3/1", ORDER, "Too large comes before an unknown type", frame(77, length=0x10000000),
       error=("FRAME_TOO_LARGE", 0, 4))
vector("frame/3.3/2", ORDER, "An unknown type comes before bytes 6-7", frame(77, reserved=1),
       error=("UNKNOWN_FRAME_TYPE", 0, 8))
vector("frame/3.3/3", ORDER, "Bytes 6-7 come before too short for the type", frame(3, reserved=1),
       error=("RESERVED_BITS", 0, 8))
vector("frame/3.3/4", ORDER, "Too short for its type comes before the wrong side", frame(130),
       error=("FRAME_TOO_SHORT", 0, 8))
vector("frame/3.3/5", ORDER, "A frame that only daemons send", window(1, 1),
       error=("WRONG_DIRECTION", 0))
vector("frame/3.3/6", ORDER, "The wrong side comes before the flags", ping(1, flags=1),
       error=("WRONG_DIRECTION", 0))
vector("frame/3.3/7", ORDER, "The wrong side comes before a missing HELLO", welcome(),
       error=("WRONG_DIRECTION", 0), **NEW)
for number, chunk in enumerate([hello(), data(1), seen(1), bye()], 8):
    vector(f"frame/3.3/{number}", ORDER, f"A daemon never sends type {chunk[4]}", chunk,
           error=("WRONG_DIRECTION", 0), **CLIENT)
for number, chunk in enumerate([data(1), seen(1), pong(1), bye(), origin(1, 1, 1)], 12):
    vector(f"frame/3.3/{number}", ORDER + " W-6.1.1", f"Type {chunk[4]} before HELLO", chunk,
           error=("HELLO_EXPECTED", 0), **NEW)
vector("frame/3.3/17", ORDER, "No HELLO comes before a bad lane", data(1, lane=200),
       error=("HELLO_EXPECTED", 0), **NEW)
vector("frame/3.3/18", ORDER + " W-6.1.1", "HELLO twice", hello() + hello(), [hello_event()],
       error=("HELLO_REPEATED", 44), **NEW)
vector("frame/3.3/19", ORDER, "HELLO again comes before its magic", hello(magic=1),
       error=("HELLO_REPEATED", 0))
vector("frame/3.3/20", ORDER, "The magic comes before the version", hello(magic=1, vmin=9, vmax=9),
       error=("BAD_MAGIC", 0), **NEW)
vector("frame/3.3/21", ORDER, "The version comes before the flags, which a later one may have",
       hello(vmin=2, vmax=3, flags=0xF0), error=("UNSUPPORTED_VERSION", 0), **NEW)
vector("frame/3.3/22", ORDER, "Flags come before fields", hello(flags=2, floor=0),
       error=("RESERVED_BITS", 0), **NEW)
vector("frame/3.3/23", ORDER, "Reserved fields come before the others", hello(zero16=1, floor=0),
       error=("RESERVED_BITS", 0), **NEW)
vector("frame/3.3/24", ORDER, "Fields come before extensions", hello(floor=0, ext=b"\x01"),
       error=("BAD_FIELD", 0), **NEW)
vector("frame/3.3/25", ORDER, "BLOCKED: the reserved field, then the floor", blocked(152, 0, zero=1),
       error=("RESERVED_BITS", 0))
vector("frame/3.3/26", ORDER, "DATA: flags, then the lane", data(1, flags=8, lane=8),
       error=("RESERVED_BITS", 0, 24))
vector("frame/3.3/27", ORDER, "DATA: byte 21, then the lane", data(1, zero=1, lane=8),
       error=("RESERVED_BITS", 0, 24))
vector("frame/3.3/28", ORDER, "DATA: the lane, then the size of the extensions",
       data(1, lane=8, ext_bytes=4), error=("BAD_FIELD", 0, 24))
vector("frame/3.3/29", ORDER, "DATA: the size of the extensions, then the sequence",
       data(0, ext_bytes=4), error=("BAD_EXTENSION", 0, 24))
vector("frame/3.3/30", ORDER, "DATA: the sequence, then credit", data(0), limit_bytes=0,
       error=("SEQUENCE_NOT_INCREASING", 0, 24))
vector("frame/3.3/31", ORDER, "DATA: credit, then what its extensions are",
       data(1, ext=b"\x01\x01\x00\x00"), limit_bytes=155, error=("FLOW_CONTROL", 0, 24))
WHOLE = "W-3.3.2"
vector("frame/3.3/32", WHOLE, "A bad lane is known before the body is there",
       data(1, bytes(1000), lane=8)[:24], error=("BAD_FIELD", 0, 24))
vector("frame/3.3/33", WHOLE, "A sequence that doesn't increase is known before the body is there",
       data(5, bytes(1000))[:24], error=("SEQUENCE_NOT_INCREASING", 0, 24), last_sequence=5)
vector("frame/3.3/34", WHOLE, "A frame above the limit is known before its body is there",
       data(1, bytes(1000))[:24], error=("FLOW_CONTROL", 0, 24), limit_bytes=1151)
vector("frame/3.3/35", WHOLE, "Extensions that are too large are known before they are there",
       data(1, bytes(4000), ext_bytes=16385)[:24], error=("BAD_EXTENSION", 0, 24),
       frame_bytes_max=65536)
vector("frame/3.3/36", "W-3.3.3", "What came before a mistake stands; what comes after doesn't",
       seen(2) + data(1, "a") + seen(0) + seen(3), [seen_event(2), run(1, 1, 25)],
       error=("BAD_FIELD", 41))
vector("frame/3.3/37", "W-3.3.3", "A good frame, then bytes that are none", pong(5) + b"\xff" * 16,
       [pong_event(5)], error=("FRAME_TOO_LARGE", 16, 20))
vector("frame/3.3/38", "W-3.3.3", "Somebody speaks HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
       error=("FRAME_TOO_LARGE", 0, 4), **NEW)

# 3.4 Extensions

K = ext(1, "key")
vector("frame/3.4/1", "W-3.4.1 W-3.4.2", "One extension, padded by one byte", data(1, "p", ext=K),
       [run(1, 1, 33, messages=[message(1, "p", [(1, "key")])])])
vector("frame/3.4/2", "W-3.4.2", "Values of 0 to 4 bytes: padding of 0, 3, 2, 1 and 0",
       data(1, "p", ext=ext(1) + ext(4, "a") + ext(4, "ab") + ext(4, "abc") + ext(4, "abcd")),
       [run(1, 1, 61, messages=[message(1, "p", [(1, ""), (4, "a"), (4, "ab"), (4, "abc"),
                                                 (4, "abcd")])])])
vector("frame/3.4/3", "W-3.4.1", "Extensions and no payload", data(1, ext=K),
       [run(1, 1, 32, messages=[message(1, "", [(1, "key")])])])
vector("frame/3.4/4", "W-3.4.4", "Unknown extensions 0, 100 and 127 are carried along",
       data(1, "p", ext=ext(0, "z") + ext(100, "xyz!") + ext(127)),
       [run(1, 1, 45, messages=[message(1, "p", [(0, "z"), (100, "xyz!"), (127, "")])])])
vector("frame/3.4/5", "W-3.4.4", "An unknown extension in SEEN is no mistake",
       seen(3, ext=ext(99, "later")), [seen_event(3, extensions=[(99, "later")])])
vector("frame/3.4/6", "W-3.4.4", "An unknown extension in WINDOW is no mistake",
       window(5, 5, ext=ext(99, "x")), [window_event(5, 5, extensions=[(99, "x")])], **CLIENT)
vector("frame/3.4/7", "W-3.4.5", "An unknown critical extension: this message is rejected, others aren't",
       data(1, "a") + data(2, "b", ext=ext(128)) + data(3, "c"),
       [run(1, 1, 25), unsupported(2, 29), run(3, 1, 25)], counted=(463, 3))
vector("frame/3.4/8", "W-3.4.5", "The highest extension type is critical too, after one that is known",
       data(1, ext=K + ext(255, "x")), [unsupported(1, 40)])
vector("frame/3.4/9", "W-3.4.5", "A critical extension in SEEN", seen(3, ext=ext(128)),
       error=("BAD_EXTENSION", 0))
vector("frame/3.4/10", "W-3.4.5", "A critical extension in HELLO", hello(ext=ext(200, "x")),
       error=("BAD_EXTENSION", 0), **NEW)
vector("frame/3.4/11", "W-3.4.5", "A critical extension in WINDOW", window(5, 5, ext=ext(128)),
       error=("BAD_EXTENSION", 0), **CLIENT)
BAD = [
    ("One byte is no entry", b"\x01"),
    ("Three bytes are no entry", b"\x01\x00\x00"),
    ("A good entry, then two bytes", K + b"\x01\x00"),
    ("Byte 1 of an entry isn't zero", ext(1, "key!", zero=1)),
    ("The value exceeds the list by one byte", ext(1, "abcd", length=5)),
    ("A value of 65 535 bytes in a list of 8", ext(1, "abcd", length=0xFFFF)),
    ("The value fits, its padding doesn't", ext(1, "abc", padding=b"")),
    ("The padding isn't zero", ext(1, "abc", padding=b"\x01")),
    ("The last byte of the padding isn't zero", ext(1, "a", padding=b"\x00\x00\x01")),
    ("A critical extension, then no entry: the list is what is wrong", ext(128) + b"\x00"),
]
for number, (words, entries) in enumerate(BAD, 12):
    vector(f"frame/3.4/{number}", "W-3.4.2", words, data(1, "payload", ext=entries),
           error=("BAD_EXTENSION", 0))
vector("frame/3.4/22", "W-3.4.2", "Two bytes after the fixed fields of a frame other than DATA",
       seen(1, ext=b"\x00\x00"), error=("BAD_EXTENSION", 0))
vector("frame/3.4/23", "W-3.4.2", "A bad list in ERROR", error(9, ext=ext(20, "abc", padding=b"")),
       error=("BAD_EXTENSION", 0), **CLIENT)
vector("frame/3.4/24", "W-3.4.3", "Exactly 16 384 bytes of extensions",
       [data(1, length=20 + 16384 + 1, ext_bytes=16384), ext(5, length=16380), (16380, b"\x31"), b"p"],
       [run(1, 1, 16409)], frame_bytes_max=65536)
vector("frame/3.4/25", "W-3.4.3", "16 388 bytes of extensions",
       data(1, length=20 + 16388, ext_bytes=16388), error=("BAD_EXTENSION", 0, 24),
       frame_bytes_max=65536)
vector("frame/3.4/26", "W-3.4.3", "The list exceeds the frame by one byte",
       data(1, "1234567", ext_bytes=8), error=("BAD_EXTENSION", 0, 24))
vector("frame/3.4/27", "W-3.4.3", "The list is as large as the field can say",
       data(1, "1234567", ext_bytes=0xFFFF), error=("BAD_EXTENSION", 0, 24))
vector("frame/3.4/28", "W-3.4.6", "HEADER without a name, a name longer than the value: not the wire's business",
       data(1, ext=ext(2, b"\x00") + ext(2, b"\x09ab")),
       [run(1, 1, 40, messages=[message(1, "", [(2, b"\x00"), (2, b"\x09ab")])])])
vector("frame/3.4/29", "W-3.4.6", "KEY twice, and a trace context that is none",
       data(1, ext=ext(1, "a") + ext(1, "b") + ext(3, "?")),
       [run(1, 1, 48, messages=[message(1, "", [(1, "a"), (1, "b"), (3, "?")])])])
vector("frame/3.4/30", "W-3.4.1", "An extension in BYE", bye(ext=ext(20, "done")),
       [bye_event([(20, "done")])])
vector("frame/3.4/31", "W-3.4.5 W-7.1.2", "Three critical ones in a row are counted one by one",
       data(1, ext=ext(130)) + data(2, ext=ext(130)) + data(3, ext=ext(130)),
       [unsupported(1, 28), unsupported(2, 28), unsupported(3, 28)], counted=(468, 3))
