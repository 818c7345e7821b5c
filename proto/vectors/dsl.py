"""The words in which the cases are written: a vector, and the events that it expects.

Expectations are given by hand in the cases_*.py files; nothing here decodes anything.
"""

ALL = []


def vector(id, covers, description, chunks, events=(), *, error=None, incomplete=None, counted=None,
           level="MUST", **setup):
    """`chunks`: bytes, or a list of bytes and (times, bytes). `error`: (code, offset[, known after])."""
    setup = {"receiver": "daemon", **setup}
    expect = {"events": list(events)}
    if error:
        expect["error"] = {"code": error[0], "offset": error[1]}
        if len(error) > 2:
            expect["error"]["known_after"] = error[2]
    if incomplete:
        expect["incomplete"] = {"offset": incomplete[0], "frame_bytes": incomplete[1]}
    if counted:
        expect["counted"] = {"bytes": str(counted[0]), "messages": str(counted[1])}
    for name in ("limit_bytes", "limit_messages", "last_sequence", "last_link_sequence"):
        if name in setup:
            setup[name] = str(setup[name])
    ALL.append({
        "id": id, "level": level, "covers": covers.split(), "description": description,
        "setup": setup, "input": hexed(chunks), "expect": expect,
    })


def credit(id, covers, description, overhead, steps):
    """For the sending side: steps are ("recv", bytes) and ("send", frame bytes, allowed)."""
    written = [
        {"recv": step[1].hex()} if step[0] == "recv" else {"send": step[1], "allowed": step[2]}
        for step in steps
    ]
    ALL.append({
        "id": id, "level": "MUST", "covers": covers.split(), "description": description,
        "setup": {"receiver": "client", "overhead": overhead}, "steps": written,
    })


def hexed(chunks):
    if isinstance(chunks, bytes):
        chunks = [chunks]
    return [
        {"repeat": chunk[0], "hex": chunk[1].hex()} if isinstance(chunk, tuple) else chunk.hex()
        for chunk in chunks
    ]


def event(name, extensions=(), **fields):
    out = {"event": name, **fields}
    if extensions:
        out["extensions"] = listed(extensions)
    return out


def listed(extensions):
    return [{"type": kind, "value": (v.encode() if isinstance(v, str) else v).hex()}
            for kind, v in extensions]


def message(sequence, payload=b"", extensions=()):
    raw = payload.encode() if isinstance(payload, str) else payload
    return {"sequence": str(sequence), "payload": raw.hex(), "extensions": listed(extensions)}


def run(first, count, size, lane=0, ttl=0, level="DEFAULT", messages=None, name="run"):
    out = event(name, first=str(first), count=count, bytes=size, lane=lane, ttl=ttl, level=level)
    if messages:
        out["messages"] = messages
    return out


def unsupported(sequence, size, **fields):
    return run(sequence, 1, size, name="unsupported", **fields)


SESSION_HEX = "5e55100000000000000000000000cafe"
TAG_HEX = "7a670000000000000000000000000001"


def hello_event(floor=1, level="DELIVERED", peer=False, session=SESSION_HEX, versions=(1, 1),
                extensions=()):
    return event("hello", extensions, version_min=versions[0], version_max=versions[1],
                 session=session, floor=str(floor), level=level, peer=peer)


def seen_event(floor, extensions=()):
    return event("seen", extensions, floor=str(floor))


def blocked_event(cost, floor=1):
    return event("blocked", cost=cost, floor=str(floor))


def backlog_event(size, messages):
    return event("backlog", bytes=str(size), messages=str(messages))


def reclaimed_event(number):
    return event("reclaimed", number=number)


def pong_event(token):
    return event("pong", token=str(token))


def bye_event(extensions=()):
    return event("bye", extensions)


def origin_event(link, sequence, count, ttl=0, floor=1, lane=0, tag=TAG_HEX):
    return event("origin", link_sequence=str(link), tag=tag, sequence=str(sequence), count=count,
                 ttl=ttl, floor=str(floor), lane=lane)


def welcome_event(frame_bytes_max=262144, overhead=128, heartbeat=0, ranges=0, known=0,
                  resumed=False, extensions=()):
    return event("welcome", extensions, version=1, frame_bytes_max=frame_bytes_max,
                 overhead=overhead, heartbeat=heartbeat, ranges=ranges, known=str(known),
                 resumed=resumed)


def window_event(limit_bytes, limit_messages, received_bytes=0, received_messages=0, retry_after=0,
                 state="OPEN", reason="NONE", extensions=()):
    return event("window", extensions, limit_bytes=str(limit_bytes),
                 limit_messages=str(limit_messages), received_bytes=str(received_bytes),
                 received_messages=str(received_messages), retry_after=retry_after, state=state,
                 reason=reason)


def receipt_event(*ranges):
    return event("receipt", ranges=list(ranges))


def outcome(first, count, name, flags=0, code=0, times=1):
    out = {"first": str(first), "count": count, "outcome": name, "flags": flags, "code": code}
    if times > 1:
        out["times"] = times
    return out


def reclaim_event(number, limit_bytes, limit_messages):
    return event("reclaim", number=number, limit_bytes=str(limit_bytes),
                 limit_messages=str(limit_messages))


def ping_event(token):
    return event("ping", token=str(token))


def goaway_event(code, deadline, extensions=()):
    return event("goaway", extensions, code=code, deadline=deadline)


def error_event(code, retry_after=0, extensions=()):
    return event("error", extensions, code=code, retry_after=retry_after)
