"""WIRE.md §4.10-4.16: what a client has to understand."""

from dsl import *
from encoder import *

CLIENT = {"receiver": "client"}
ALL_ONES = 2**32 - 1

vector("daemon/4.10/1", "W-4.10.1 W-4.10.2", "WELCOME for a new session", welcome(), [welcome_event()],
       **CLIENT)
vector("daemon/4.10/2", "W-4.10.3 W-4.10.4", "WELCOME for a session that goes on",
       welcome(65536, 96, 10000, 3, 44, flags=1),
       [welcome_event(65536, 96, 10000, 3, 44, resumed=True)], **CLIENT)
vector("daemon/4.10/3", "W-4.10.2", "The smallest frame maximum and no overhead", welcome(24, 0),
       [welcome_event(24, 0)], **CLIENT)
vector("daemon/4.10/4", "W-4.10.2", "The largest frame maximum and overhead", welcome(16777216, 65536),
       [welcome_event(16777216, 65536)], **CLIENT)
for number, (words, chunk) in enumerate([
    ("A frame maximum of 23", welcome(23)), ("A frame maximum of 0", welcome(0)),
    ("A frame maximum of 16 777 217", welcome(16777217)),
    ("A frame maximum of 2^32 - 1", welcome(ALL_ONES)),
    ("An overhead of 65 537", welcome(overhead=65537)),
    ("An overhead of 2^32 - 1", welcome(overhead=ALL_ONES)),
], 5):
    vector(f"daemon/4.10/{number}", "W-4.10.2", words, chunk, error=("BAD_FIELD", 0), **CLIENT)
vector("daemon/4.10/11", "W-3.1.4", "Bytes 10-11 are reserved", welcome(zero16=1),
       error=("RESERVED_BITS", 0), **CLIENT)
vector("daemon/4.10/12", "W-3.1.4", "Bytes 28-31 are reserved", welcome(zero32=1),
       error=("RESERVED_BITS", 0), **CLIENT)
vector("daemon/4.10/13", "W-4.10.3", "As many ranges as the field can say: nothing to allocate",
       welcome(ranges=ALL_ONES, known=U64, flags=1),
       [welcome_event(ranges=ALL_ONES, known=U64, resumed=True)], **CLIENT)
vector("daemon/4.10/14", "W-3.4.4", "An unknown extension in WELCOME", welcome(ext=ext(70, "motd")),
       [welcome_event(extensions=[(70, "motd")])], **CLIENT)

vector("daemon/4.11/1", "W-4.11.1", "WINDOW", window(640, 10), [window_event(640, 10)], **CLIENT)
vector("daemon/4.11/2", "W-4.11.2 W-4.11.3", "A shut window, why, and until when",
       window(640, 10, 474, 3, 200, 2, 1),
       [window_event(640, 10, 474, 3, 200, "SHUT", "BUFFER_FULL")], **CLIENT)
REASONS = ["NONE", "BUFFER_FULL", "FAIR_SHARE", "BREAKER_OPEN", "RATE_LIMITED", "DRAINING",
           "RECEIPTS_UNSEEN", "DEAD_LETTERS_BLOCKED", "WINDOW_MAXIMUM", "RECLAIMING", "PAUSED"]
vector("daemon/4.11/3", "W-4.11.2", "Every reason there is",
       b"".join(window(1, 1, state=2, reason=n) for n in range(11)),
       [window_event(1, 1, state="SHUT", reason=name) for name in REASONS], **CLIENT)
vector("daemon/4.11/4", "W-4.11.2", "State PRESSED", window(1, 1, state=1),
       [window_event(1, 1, state="PRESSED")], **CLIENT)
vector("daemon/4.11/5", "W-4.11.2", "An unknown state and an unknown reason are OPEN and NONE",
       window(9, 9, state=3, reason=11) + window(9, 9, state=255, reason=255),
       [window_event(9, 9), window_event(9, 9)], **CLIENT)
vector("daemon/4.11/6", "W-4.11.1", "The highest numbers", window(U64, U64, U64, U64, ALL_ONES),
       [window_event(U64, U64, U64, U64, ALL_ONES)], **CLIENT)
vector("daemon/4.11/7", "W-4.11.1", "All zero: nothing may be sent", window(0, 0), [window_event(0, 0)],
       **CLIENT)
vector("daemon/4.11/8", "W-3.1.4", "Bytes 46-47 are reserved", window(1, 1, zero=1),
       error=("RESERVED_BITS", 0), **CLIENT)

vector("daemon/4.12/1", "W-4.12.1 W-4.12.2", "RECEIPT with one range", receipt(range_(1, 3, 16)),
       [receipt_event(outcome(1, 3, "DELIVERED"))], **CLIENT)
OUTCOMES = {0: "RECEIVED", 1: "STORED", 16: "DELIVERED", 17: "DEAD_LETTERED", 18: "REJECTED",
            19: "EXPIRED", 20: "DROPPED", 21: "DUPLICATE"}
vector("daemon/4.12/2", "W-4.12.1", "Every outcome there is",
       receipt(*(range_(n + 1, 1, n) for n in OUTCOMES)),
       [receipt_event(*(outcome(n + 1, 1, name) for n, name in OUTCOMES.items()))], **CLIENT)
vector("daemon/4.12/3", "W-4.12.4", "Both flags, flags that aren't defined, and codes that aren't",
       receipt(range_(1, 1, 20, 1, 4), range_(2, 1, 16, 2), range_(3, 1, 18, 0xFF, 0xFFFF),
               range_(4, 1, 18, 0, 256)),
       [receipt_event(outcome(1, 1, "DROPPED", 1, 4), outcome(2, 1, "DELIVERED", 2),
                      outcome(3, 1, "REJECTED", 255, 65535), outcome(4, 1, "REJECTED", 0, 256))],
       **CLIENT)
for number, value in enumerate([2, 15, 22, 255], 4):
    vector(f"daemon/4.12/{number}", "W-4.12.3", f"Outcome {value} isn't defined",
           receipt(range_(1, 1, 16), range_(2, 1, value)), error=("BAD_FIELD", 0), **CLIENT)
for number, (words, bad) in enumerate([
    ("A range of none", range_(1, 0, 16)), ("A range that begins at 0", range_(0, 1, 16)),
    ("A range that holds 2^64 - 1", range_(U64, 1, 16)),
    ("A range that ends above the highest sequence", range_(SEQUENCE_MAX, 2, 16)),
    ("A range whose end overflows", range_(SEQUENCE_MAX, ALL_ONES, 16)),
], 8):
    vector(f"daemon/4.12/{number}", "W-4.12.2", words, receipt(bad), error=("BAD_FIELD", 0), **CLIENT)
vector("daemon/4.12/13", "W-4.12.2", "The highest sequence alone, and the largest range of all",
       receipt(range_(SEQUENCE_MAX, 1, 16), range_(U64 - ALL_ONES, ALL_ONES, 16)),
       [receipt_event(outcome(SEQUENCE_MAX, 1, "DELIVERED"),
                      outcome(U64 - ALL_ONES, ALL_ONES, "DELIVERED"))], **CLIENT)
vector("daemon/4.12/14", "W-4.12.1", "RECEIPT with 4 095 ranges",
       [receipt(length=4 + 4095 * 16), (4095, range_(5, 2, 17, 1, 3))],
       [receipt_event(outcome(5, 2, "DEAD_LETTERED", 1, 3, times=4095))], **CLIENT)
for number, extra in enumerate([1, 8, 15], 15):
    vector(f"daemon/4.12/{number}", "W-4.12.1", f"A range, and {extra} bytes of another",
           receipt(range_(1, 1, 16), bytes(extra)), error=("BAD_FIELD", 0), **CLIENT)
vector("daemon/4.12/18", "W-4.12.1", "Ranges may come in any order, overlap and repeat",
       receipt(range_(9, 1, 16), range_(1, 100, 0), range_(9, 1, 16)),
       [receipt_event(outcome(9, 1, "DELIVERED"), outcome(1, 100, "RECEIVED"),
                      outcome(9, 1, "DELIVERED"))], **CLIENT)

vector("daemon/4.13/1", "W-4.13.1", "RECLAIM", reclaim(1, 690, 4), [reclaim_event(1, 690, 4)], **CLIENT)
vector("daemon/4.13/2", "W-4.13.1", "The highest numbers", reclaim(ALL_ONES, U64, U64),
       [reclaim_event(ALL_ONES, U64, U64)], **CLIENT)
vector("daemon/4.13/3", "W-3.1.4", "Bytes 12-15 are reserved", reclaim(1, 1, 1, zero=1),
       error=("RESERVED_BITS", 0), **CLIENT)
vector("daemon/4.14/1", "W-4.14.1", "PING, twice with the same token", ping(U64) + ping(U64),
       [ping_event(U64), ping_event(U64)], **CLIENT)
vector("daemon/4.15/1", "W-4.15.1", "GOAWAY", goaway(23, 5000), [goaway_event(23, 5000)], **CLIENT)
vector("daemon/4.15/2", "W-4.15.1", "GOAWAY with a code that isn't defined, at once, with a text",
       goaway(9999, 0, ext=ext(20, "bye now")), [goaway_event(9999, 0, [(20, "bye now")])], **CLIENT)
vector("daemon/4.15/3", "W-3.1.4", "Bytes 10-11 are reserved", goaway(23, 0, zero=1),
       error=("RESERVED_BITS", 0), **CLIENT)
vector("daemon/4.16/1", "W-4.16.1 W-11.3.1", "ERROR: FLOW_CONTROL", error(9), [error_event(9)], **CLIENT)
vector("daemon/4.16/2", "W-4.16.1", "ERROR with a code that isn't defined, a time and a text",
       error(65535, 60000, ext=ext(20, "later")), [error_event(65535, 60000, [(20, "later")])],
       **CLIENT)
vector("daemon/4.16/3", "W-3.1.4", "Bytes 10-11 are reserved", error(9, zero=1),
       error=("RESERVED_BITS", 0), **CLIENT)
vector("daemon/4.16/4", "W-4.16.1", "Every code there is, in GOAWAY and in ERROR",
       b"".join(goaway(n, n) for n in range(1, 29)) + b"".join(error(n) for n in range(1, 29)),
       [goaway_event(n, n) for n in range(1, 29)] + [error_event(n) for n in range(1, 29)], **CLIENT)
