"""Builds frames as WIRE.md describes them: written from that text, not from the Swift sources.

Every function returns bytes. Whatever a test needs wrong can be given: a false length, reserved
bits, any value in any field. Nothing is checked here.
"""

import struct

MAGIC = 0x46424159
SESSION = bytes.fromhex("5e55100000000000000000000000cafe")
TAG = bytes.fromhex("7a670000000000000000000000000001")
U64 = 2**64 - 1
SEQUENCE_MAX = U64 - 1


def frame(kind, body=b"", flags=0, reserved=0, length=None):
    """§3.1: u32 length, u8 type, u8 flags, u16 zero, then the rest."""
    actual = 4 + len(body)
    return struct.pack(">IBBH", actual if length is None else length, kind, flags, reserved) + body


def ext(kind, value=b"", zero=0, length=None, padding=None):
    """§3.4: u8 type, u8 zero, u16 length, value, zeros up to a multiple of four."""
    if isinstance(value, str):
        value = value.encode()
    pad = bytes(-len(value) % 4) if padding is None else padding
    return struct.pack(">BBH", kind, zero, len(value) if length is None else length) + value + pad


def hello(session=SESSION, floor=1, level=3, flags=0, magic=MAGIC, vmin=1, vmax=1, ext=b"",
          zero8=0, zero16=0, **header):
    body = struct.pack(">IHH", magic, vmin, vmax) + session
    body += struct.pack(">QBBH", floor, level, zero8, zero16)
    return frame(1, body + ext, flags, **header)


def data(sequence, payload=b"", level=0, ttl=0, lane=0, ext=b"", zero=0, ext_bytes=None, flags=None,
         **header):
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(ext) if ext_bytes is None else ext_bytes
    body = struct.pack(">QIBBH", sequence, ttl, lane, zero, size) + ext + payload
    return frame(2, body, level if flags is None else flags, **header)


def seen(floor, ext=b"", **header):
    return frame(3, struct.pack(">Q", floor) + ext, **header)


def blocked(cost, floor=1, zero=0, ext=b"", **header):
    return frame(4, struct.pack(">IIQ", cost, zero, floor) + ext, **header)


def backlog(size, messages, ext=b"", **header):
    return frame(5, struct.pack(">QQ", size, messages) + ext, **header)


def reclaimed(number, zero=0, ext=b"", **header):
    return frame(6, struct.pack(">II", number, zero) + ext, **header)


def pong(token, ext=b"", **header):
    return frame(7, struct.pack(">Q", token) + ext, **header)


def bye(ext=b"", **header):
    return frame(8, ext, **header)


def origin(link, sequence, count, tag=TAG, ttl=0, floor=1, lane=0, zeros=(0, 0, 0), ext=b"",
           **header):
    body = struct.pack(">Q", link) + tag + struct.pack(">QIIQ", sequence, count, ttl, floor)
    return frame(9, body + struct.pack(">BBHI", lane, *zeros) + ext, **header)


def welcome(frame_max=262144, overhead=128, heartbeat=0, ranges=0, known=0, flags=0, version=1,
            zero16=0, zero32=0, ext=b"", **header):
    body = struct.pack(">HHIIIIIQ", version, zero16, frame_max, overhead, heartbeat, ranges, zero32,
                       known)
    return frame(129, body + ext, flags, **header)


def window(limit_bytes, limit_messages, received_bytes=0, received_messages=0, retry=0, state=0,
           reason=0, zero=0, ext=b"", **header):
    body = struct.pack(">QQQQIBBH", limit_bytes, limit_messages, received_bytes, received_messages,
                       retry, state, reason, zero)
    return frame(130, body + ext, **header)


def range_(first, count, outcome, flags=0, code=0):
    return struct.pack(">QIBBH", first, count, outcome, flags, code)


def receipt(*ranges, **header):
    return frame(131, b"".join(ranges), **header)


def reclaim(number, limit_bytes, limit_messages, zero=0, ext=b"", **header):
    return frame(132, struct.pack(">IIQQ", number, zero, limit_bytes, limit_messages) + ext, **header)


def ping(token, ext=b"", **header):
    return frame(133, struct.pack(">Q", token) + ext, **header)


def goaway(code, deadline, zero=0, ext=b"", **header):
    return frame(134, struct.pack(">HHI", code, zero, deadline) + ext, **header)


def error(code, retry=0, zero=0, ext=b"", **header):
    return frame(135, struct.pack(">HHI", code, zero, retry) + ext, **header)
