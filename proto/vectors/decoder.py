"""A receiver of either side, written from WIRE.md alone: slow, plain, and strict.

Feed it bytes as they come; `events` grows, `mistake` is (code, offset) once there is one.
"""

import json
from pathlib import Path

CODES = json.loads((Path(__file__).resolve().parents[1] / "codes.json").read_text())
TYPES = {number: name for name, number in CODES["frame_types"].items()}
LEVELS = {number: name for name, number in CODES["receipt_levels"].items()}
OUTCOMES = {number: name for name, number in CODES["outcomes"].items()}
STATES = {number: name for name, number in CODES["window_states"].items()}
REASONS = {number: name for name, number in CODES["window_reasons"].items()}
LIMITS = CODES["limits"]
MAGIC = int(CODES["magic"], 0)
U64 = 2**64 - 1
UNLIMITED = U64

# Header and fixed fields of each type (§4); RECEIPT: with one range.
SIZES = {"HELLO": 44, "DATA": 24, "SEEN": 16, "BLOCKED": 24, "BACKLOG": 24, "RECLAIMED": 16,
         "PONG": 16, "BYE": 8, "ORIGIN": 64, "WELCOME": 40, "WINDOW": 48, "RECEIPT": 24,
         "RECLAIM": 32, "PING": 16, "GOAWAY": 16, "ERROR": 16}
FLAGS = {"HELLO": 1, "DATA": 3, "WELCOME": 1}


class Mistake(Exception):
    pass


def number(raw, at, size):
    return int.from_bytes(raw[at:at + size], "big")


def require(good, code):
    if not good:
        raise Mistake(code)


def zero(raw, *places):
    """Reserved fields: (offset, size)."""
    for at, size in places:
        require(number(raw, at, size) == 0, "RESERVED_BITS")


class Receiver:
    def __init__(self, setup):
        self.is_daemon = setup["receiver"] == "daemon"
        self.greeted = setup.get("state", "greeted") == "greeted"
        self.is_peer = setup.get("peer", False)
        self.frame_max = setup.get("frame_bytes_max", 4096)
        self.overhead = setup.get("overhead", 128)
        self.bytes_left = int(setup.get("limit_bytes", UNLIMITED))
        self.messages_left = int(setup.get("limit_messages", UNLIMITED))
        self.last = int(setup.get("last_sequence", 0))
        self.last_link = int(setup.get("last_link_sequence", 0))
        self.origin = None  # [next sequence, messages left]
        self.done = False  # after BYE
        self.buffer, self.offset = b"", 0
        self.events, self.mistake = [], None
        self.counted_bytes = self.counted_messages = 0
        self.open_run = None

    def feed(self, chunk):
        self.buffer += chunk
        self.open_run = None  # runs don't reach over reads
        while self.mistake is None and not self.done and self.buffer:
            try:
                size = self.step()
            except Mistake as mistake:
                self.mistake = (str(mistake), self.offset)
                return
            if size == 0:
                return
            self.buffer = self.buffer[size:]
            self.offset += size

    def rest(self):
        """(offset, size) of the frame that isn't whole, or None."""
        if self.mistake or self.done or not self.buffer:
            return None
        return self.offset, number(self.buffer, 0, 4) + 4 if len(self.buffer) >= 8 else 0

    def step(self):
        """One frame from the start of the buffer: its size, or 0 if it isn't whole. §3.3."""
        raw = self.buffer
        if len(raw) < 4:
            return 0
        length = number(raw, 0, 4)
        require(length >= 4, "FRAME_TOO_SHORT")
        require(length + 4 <= max(self.frame_max, LIMITS["CONTROL_FRAME_BYTES_MAX"]), "FRAME_TOO_LARGE")
        if len(raw) < 8:
            return 0
        size, kind = length + 4, TYPES.get(raw[4])
        require(kind is not None, "UNKNOWN_FRAME_TYPE")
        require(raw[6] == 0 and raw[7] == 0, "RESERVED_BITS")
        require(size >= SIZES[kind], "FRAME_TOO_SHORT")
        require(size <= self.most(kind), "FRAME_TOO_LARGE")
        self.place(kind)
        if kind == "DATA":
            if len(raw) < 24:
                return 0
            self.judge_data(raw, size)
        if len(raw) < size:
            return 0
        raw = raw[:size]
        if kind == "DATA":
            self.take_data(raw)
        else:
            self.open_run = None
            self.take_other(kind, raw)
        return size

    def most(self, kind):
        if kind == "DATA":
            return self.frame_max
        if kind == "RECEIPT":
            return 8 + 16 * LIMITS["RECEIPT_RANGES_MAX"]
        return SIZES[kind] + LIMITS["EXTENSIONS_BYTES_MAX"]

    def place(self, kind):
        sent_by_daemon = CODES["frame_types"][kind] >= 128
        require(sent_by_daemon != self.is_daemon, "WRONG_DIRECTION")
        if not self.is_daemon:
            return
        if kind == "HELLO":
            require(not self.greeted, "HELLO_REPEATED")
        else:
            require(self.greeted, "HELLO_EXPECTED")
        if kind == "ORIGIN":
            require(self.is_peer and self.origin is None, "ORIGIN_MISMATCH")
        if kind == "DATA" and self.is_peer:
            require(self.origin is not None, "ORIGIN_MISMATCH")

    # DATA

    def judge_data(self, raw, size):
        require(raw[5] <= FLAGS["DATA"], "RESERVED_BITS")
        zero(raw, (21, 1))
        require(raw[20] < LIMITS["LANES_MAX"], "BAD_FIELD")
        extension_bytes = number(raw, 22, 2)
        require(extension_bytes <= min(LIMITS["EXTENSIONS_BYTES_MAX"], size - 24), "BAD_EXTENSION")
        sequence = number(raw, 8, 8)
        if self.is_peer:
            require(sequence == self.origin[0], "ORIGIN_MISMATCH")
        else:
            require(self.last < sequence <= int(LIMITS["SEQUENCE_MAX"], 0), "SEQUENCE_NOT_INCREASING")
        require(self.bytes_left >= size + self.overhead and self.messages_left >= 1, "FLOW_CONTROL")

    def take_data(self, raw):
        extension_bytes = number(raw, 22, 2)
        extensions, critical = parse_extensions(raw[24:24 + extension_bytes])
        sequence = number(raw, 8, 8)
        self.count(len(raw) + self.overhead, 1)
        if self.is_peer:
            self.origin[0] += 1
            self.origin[1] -= 1
            if self.origin[1] == 0:
                self.origin = None
        else:
            self.last = sequence
        shape = {"lane": raw[20], "ttl": number(raw, 16, 4), "level": LEVELS[raw[5]]}
        message = {"sequence": str(sequence), "payload": raw[24 + extension_bytes:].hex(),
                   "extensions": extensions}
        self.join(sequence, len(raw), shape, message, critical)

    def join(self, sequence, size, shape, message, critical):
        run = self.open_run
        if (run and not critical and run["count"] < LIMITS["RUN_MESSAGES_MAX"]
                and all(run[key] == value for key, value in shape.items())
                and int(run["first"]) + run["count"] == sequence):
            run["count"] += 1
            run["bytes"] += size
            run["messages"].append(message)
            return
        run = {"event": "unsupported" if critical else "run", "first": str(sequence), "count": 1,
               "bytes": size, **shape, "messages": [message]}
        self.events.append(run)
        self.open_run = None if critical else run

    def count(self, cost, messages):
        self.bytes_left -= cost
        self.messages_left -= messages
        self.counted_bytes += cost
        self.counted_messages += messages

    # Everything else

    def take_other(self, kind, raw):
        if kind == "HELLO":
            require(number(raw, 8, 4) == MAGIC, "BAD_MAGIC")
            require(number(raw, 12, 2) <= 1 <= number(raw, 14, 2), "UNSUPPORTED_VERSION")
        require(raw[5] & ~FLAGS.get(kind, 0) == 0, "RESERVED_BITS")
        event = {"event": kind.lower(), **getattr(self, "fields_" + kind.lower())(raw)}
        if kind != "RECEIPT":
            extensions, critical = parse_extensions(raw[SIZES[kind]:])
            require(not critical, "BAD_EXTENSION")
            if extensions:
                event["extensions"] = extensions
        if kind == "HELLO":
            self.greeted, self.is_peer = True, event["peer"]
        elif kind == "BYE":
            self.done = True
        elif kind == "ORIGIN":
            self.open_origin(event, len(raw) + self.overhead)
        self.events.append(event)

    def open_origin(self, event, cost):
        link, count = int(event["link_sequence"]), event["count"]
        require(link > self.last_link, "SEQUENCE_NOT_INCREASING")
        require(self.bytes_left >= cost, "FLOW_CONTROL")
        self.count(cost, 0)
        self.last_link = link + count - 1
        self.origin = [int(event["sequence"]), count]

    def fields_hello(self, raw):
        zero(raw, (41, 1), (42, 2))
        require(any(raw[16:32]) and number(raw, 32, 8) >= 1 and raw[40] in LEVELS, "BAD_FIELD")
        return {"version_min": number(raw, 12, 2), "version_max": number(raw, 14, 2),
                "session": raw[16:32].hex(), "floor": str(number(raw, 32, 8)),
                "level": LEVELS[raw[40] or 3], "peer": raw[5] & 1 == 1}

    def fields_seen(self, raw):
        require(number(raw, 8, 8) >= 1, "BAD_FIELD")
        return {"floor": str(number(raw, 8, 8))}

    def fields_blocked(self, raw):
        zero(raw, (12, 4))
        require(number(raw, 16, 8) >= 1, "BAD_FIELD")
        return {"cost": number(raw, 8, 4), "floor": str(number(raw, 16, 8))}

    def fields_backlog(self, raw):
        return {"bytes": str(number(raw, 8, 8)), "messages": str(number(raw, 16, 8))}

    def fields_reclaimed(self, raw):
        zero(raw, (12, 4))
        return {"number": number(raw, 8, 4)}

    def fields_pong(self, raw):
        return {"token": str(number(raw, 8, 8))}

    def fields_bye(self, raw):
        return {}

    def fields_origin(self, raw):
        zero(raw, (57, 1), (58, 2), (60, 4))
        link, sequence, count = number(raw, 8, 8), number(raw, 32, 8), number(raw, 40, 4)
        require(1 <= count <= LIMITS["RUN_MESSAGES_MAX"] and raw[56] < LIMITS["LANES_MAX"], "BAD_FIELD")
        require(number(raw, 48, 8) >= 1, "BAD_FIELD")
        require(link >= 1 and link + count <= U64, "BAD_FIELD")
        require(sequence >= 1 and sequence + count <= U64, "BAD_FIELD")
        return {"link_sequence": str(link), "tag": raw[16:32].hex(), "sequence": str(sequence),
                "count": count, "ttl": number(raw, 44, 4), "floor": str(number(raw, 48, 8)),
                "lane": raw[56]}

    def fields_welcome(self, raw):
        require(number(raw, 8, 2) == 1, "UNSUPPORTED_VERSION")
        zero(raw, (10, 2), (28, 4))
        frame_max, overhead = number(raw, 12, 4), number(raw, 16, 4)
        require(24 <= frame_max <= LIMITS["FRAME_BYTES_MAX"], "BAD_FIELD")
        require(overhead <= LIMITS["OVERHEAD_BYTES_MAX"], "BAD_FIELD")
        return {"version": 1, "frame_bytes_max": frame_max, "overhead": overhead,
                "heartbeat": number(raw, 20, 4), "ranges": number(raw, 24, 4),
                "known": str(number(raw, 32, 8)), "resumed": raw[5] & 1 == 1}

    def fields_window(self, raw):
        zero(raw, (46, 2))
        return {"limit_bytes": str(number(raw, 8, 8)), "limit_messages": str(number(raw, 16, 8)),
                "received_bytes": str(number(raw, 24, 8)),
                "received_messages": str(number(raw, 32, 8)), "retry_after": number(raw, 40, 4),
                "state": STATES.get(raw[44], "OPEN"), "reason": REASONS.get(raw[45], "NONE")}

    def fields_receipt(self, raw):
        require((len(raw) - 8) % 16 == 0, "BAD_FIELD")
        ranges = []
        for at in range(8, len(raw), 16):
            first, count = number(raw, at, 8), number(raw, at + 8, 4)
            require(first >= 1 and count >= 1 and first + count <= U64, "BAD_FIELD")
            require(raw[at + 12] in OUTCOMES, "BAD_FIELD")
            ranges.append({"first": str(first), "count": count, "outcome": OUTCOMES[raw[at + 12]],
                           "flags": raw[at + 13], "code": number(raw, at + 14, 2)})
        return {"ranges": ranges}

    def fields_reclaim(self, raw):
        zero(raw, (12, 4))
        return {"number": number(raw, 8, 4), "limit_bytes": str(number(raw, 16, 8)),
                "limit_messages": str(number(raw, 24, 8))}

    def fields_ping(self, raw):
        return {"token": str(number(raw, 8, 8))}

    def fields_goaway(self, raw):
        zero(raw, (10, 2))
        return {"code": number(raw, 8, 2), "deadline": number(raw, 12, 4)}

    def fields_error(self, raw):
        zero(raw, (10, 2))
        return {"code": number(raw, 8, 2), "retry_after": number(raw, 12, 4)}


def parse_extensions(raw):
    """§3.4: the entries, and whether one is critical. Version 1 knows no critical one."""
    entries, critical, at = [], False, 0
    while at < len(raw):
        require(len(raw) - at >= 4, "BAD_EXTENSION")
        kind, reserved, size = raw[at], raw[at + 1], number(raw, at + 2, 2)
        padded = -(-size // 4) * 4
        value = raw[at + 4:at + 4 + padded]
        require(reserved == 0 and len(value) == padded and not any(value[size:]), "BAD_EXTENSION")
        entries.append({"type": kind, "value": value[:size].hex()})
        critical = critical or kind >= 128
        at += 4 + padded
    return entries, critical


class Sender:
    """§7.2 and §7.5 from the client's side: may a DATA frame of so many bytes be sent now?"""

    def __init__(self, overhead):
        self.overhead = overhead
        self.sent = [0, 0]
        self.limit = [0, 0]

    def hear(self, event):
        if event["event"] not in ("window", "reclaim"):
            return
        told = [int(event["limit_bytes"]), int(event["limit_messages"])]
        for i in range(2):
            if event["event"] == "window":
                self.limit[i] = max(self.limit[i], told[i])
            else:
                self.limit[i] = min(self.limit[i], max(self.sent[i], told[i]))

    def may_send(self, frame_bytes):
        cost = [frame_bytes + self.overhead, 1]
        if any(self.limit[i] - self.sent[i] < cost[i] for i in range(2)):
            return False
        self.sent = [self.sent[i] + cost[i] for i in range(2)]
        return True
