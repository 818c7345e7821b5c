"""The breaker and the rate limiter a second time, to check the daemon's with.

Written from the rules (docs/replay.md lists them), not from the Swift code, and as plainly as can be:
nothing is summed up ahead, every question is answered from the list of what happened. Times are
whole nanoseconds. Jitter is not modelled.
"""

from fractions import Fraction

MS = 1_000_000
SECOND = 1000 * MS
FLOOR_LEAST = 500 * MS

DEFAULTS = {
    "consecutive_failures": 5, "failure_rate_percent": 50, "slow_rate_percent": 100,
    "slow_threshold": None, "window": 10 * SECOND, "minimum_samples": 20,
    "base_wait": SECOND, "maximum_wait": 60 * SECOND, "jitter_percent": 50,
    "retry_after_maximum": 300 * SECOND, "healthy_interval": 10 * SECOND,
    "successes_to_close": 5, "minimum_half_open": 5 * SECOND, "maximum_half_open": 60 * SECOND,
    "quota_percent": 5, "probe_deadline": 5 * SECOND,
}


class Permit:
    def __init__(self, generation, asked, is_floor=None):
        self.generation, self.asked, self.is_floor = generation, asked, is_floor


class HalfOpen:
    def __init__(self, now, waited, interval):
        self.since, self.waited, self.interval = now, waited, interval
        self.successes = 0
        self.probe = None  # (Permit, deadline)
        self.saved = 0  # hundredths of a probe
        self.floor_due = now
        self.maximum_from = None  # runs from the first probe on

    def save(self, hundredths):
        """No burst: at most one probe is saved up. No fraction is lost."""
        self.saved += hundredths
        if self.saved >= 200:
            self.saved = 100 + self.saved % 100


class Breaker:
    def __init__(self, settings, now):
        self.of = {**DEFAULTS, **settings}
        self.state, self.generation, self.since = "closed", 0, now
        self.history = []  # (time, samples, failures, slow, offered) since counting began
        self.failures = 0
        self.silence_until = 0
        self.level, self.healthy_since = 0, now
        self.rate_before = Fraction(0)
        self.until = self.wait = None
        self.half = None

    # What happened lately

    def recent(self, now):
        """Sums over the current tenth of the window and the nine before it."""
        width = self.of["window"] // 10
        current = (now - self.since) // width
        kept = [one[1:] for one in self.history if (one[0] - self.since) // width > current - 10]
        return [sum(column) for column in zip(*kept)] if kept else [0, 0, 0, 0]

    def offered_rate(self, now):
        width = self.of["window"] // 10
        age = now - self.since
        reach = 9 * width + age % width
        return Fraction(self.recent(now)[3], max(width, min(reach, age)))

    # Transitions

    def leave(self, now):
        if self.state in ("closed", "forced_closed"):
            rate = self.offered_rate(now)
            is_short = now - self.since < self.of["window"]
            self.rate_before = max(self.rate_before, rate) if is_short else rate
        self.generation += 1

    def flow(self, state, now):
        self.leave(now)
        self.state, self.since, self.half = state, now, None
        self.history, self.failures, self.silence_until = [], 0, 0
        self.healthy_since = now

    def open(self, now):
        self.leave(now)
        top = 1
        while self.of["base_wait"] << (top - 1) < self.of["maximum_wait"]:
            top += 1
        self.level = min(self.level + 1, top)
        self.wait = min(self.of["maximum_wait"], self.of["base_wait"] << (self.level - 1))
        self.until = max(now + self.wait, self.silence_until)
        self.state, self.since, self.half = "open", now, None

    def try_out(self, waited, now):
        self.leave(now)
        longest = self.of["maximum_half_open"] // (2 * self.of["successes_to_close"])
        interval = longest
        if self.rate_before > 0:
            interval = int(100 / (self.rate_before * self.of["quota_percent"]))
        self.half = HalfOpen(now, waited, max(FLOOR_LEAST, min(interval, longest)))
        self.state, self.since = "half_open", now

    # Time

    def timers(self):
        """(time, rank, what), the rank deciding between two at one time: the more careful first."""
        found = []
        if self.state == "closed" and self.level > 0:
            found.append((self.healthy_since + self.of["healthy_interval"], 0, "healthy"))
        if self.state == "open":
            found.append((self.until, 0, "wait over"))
        if self.state == "half_open":
            half = self.half
            if half.probe:
                found.append((half.probe[1], 0, "unanswered"))
            if half.successes >= self.of["successes_to_close"]:
                found.append((half.since + self.of["minimum_half_open"], 1, "proven"))
            if half.maximum_from is not None:
                end = half.maximum_from + self.of["maximum_half_open"]
                found.append((end, 2, "again" if half.successes else "no success"))
        return sorted(found)

    def pass_time(self, now):
        while (due := self.timers()) and due[0][0] <= now:
            at, _, what = due[0]
            if what == "healthy":
                self.level -= 1
                self.healthy_since = at
            elif what == "wait over":
                self.try_out(self.wait, at)
            elif what == "proven":
                self.flow("closed", at)
            elif what == "again":
                self.half.maximum_from = at
            else:
                if what == "unanswered":
                    self.failures += 1
                self.open(at)

    # Calls

    def offered(self, count, now):
        if self.state in ("closed", "forced_closed"):
            self.history.append((now, 0, 0, 0, count))
        elif self.state == "half_open":
            self.half.save(count * self.of["quota_percent"])

    def may_call(self, now):
        if self.state != "half_open":
            return self.state in ("closed", "forced_closed")
        return self.half.probe is None and (self.half.saved >= 100 or now >= self.half.floor_due)

    def ask(self, now):
        if not self.may_call(now):
            return None
        if self.state != "half_open":
            return Permit(self.generation, now)
        half = self.half
        permit = Permit(self.generation, now, is_floor=half.saved < 100)
        if not permit.is_floor:
            half.saved -= 100
        half.probe = (permit, now + self.of["probe_deadline"])
        half.floor_due = now + half.interval
        if half.maximum_from is None:
            half.maximum_from = now
        return permit

    def failed(self, retry_after, now):
        self.failures += 1
        if retry_after is not None:
            asked = now + min(retry_after, self.of["retry_after_maximum"])
            self.silence_until = max(self.silence_until, asked)

    def succeeded(self):
        self.failures, self.silence_until = 0, 0

    def result(self, permit, kind, length, retry_after, now):
        if permit.generation != self.generation:
            return
        threshold = self.of["slow_threshold"]
        is_slow = threshold is not None and length >= threshold
        if self.state == "half_open":
            self.probe_result(permit, kind, is_slow, retry_after, now)
        elif kind in ("success", "failure"):
            self.counted_result(kind, is_slow, retry_after, now)

    def probe_result(self, permit, kind, is_slow, retry_after, now):
        half = self.half
        if kind == "neutral":
            half.probe = None
            if not permit.is_floor:
                half.save(100)
        elif kind == "success":
            self.succeeded()
            if is_slow:
                return self.open(now)
            half.probe = None
            half.successes += 1
            is_long = now >= half.since + self.of["minimum_half_open"]
            if half.successes >= self.of["successes_to_close"] and is_long:
                self.flow("closed", now)
        else:
            self.failed(retry_after, now)
            self.open(now)

    def counted_result(self, kind, is_slow, retry_after, now):
        if kind == "success":
            self.succeeded()
        else:
            self.failed(retry_after, now)
        self.history.append((now, 1, int(kind == "failure"), int(is_slow), 0))
        if self.state != "closed" or (kind == "success" and not is_slow):
            return
        if kind == "failure":
            self.healthy_since = now
        samples, failures, slow, _ = self.recent(now)
        believed = samples >= self.of["minimum_samples"]
        rate = self.of["failure_rate_percent"]
        if (self.failures >= self.of["consecutive_failures"]
                or believed and rate is not None and failures * 100 >= samples * rate
                or believed and slow * 100 >= samples * self.of["slow_rate_percent"]):
            self.open(now)

    # Operators

    def command(self, name, now):
        if name == "force_open" and self.state != "forced_open":
            self.leave(now)
            self.state, self.since, self.half = "forced_open", now, None
        elif name == "force_closed" and self.state != "forced_closed":
            self.flow("forced_closed", now)
        elif name == "auto" and self.state.startswith("forced"):
            self.level = 0
            if self.state == "forced_open":
                self.try_out(0, now)
            else:
                self.flow("closed", now)
        elif name == "probe_now" and self.state == "open":
            self.try_out(self.wait, now)
        elif name == "probe_now" and self.state == "half_open" and not self.half.probe:
            self.half.floor_due = min(self.half.floor_due, now)

    def wait_ms(self, now):
        if self.may_call(now):
            return 0
        if self.state == "forced_open":
            return None
        times = [at for at, _, _ in self.timers()]
        if self.state == "half_open" and not self.half.probe:
            times.append(self.half.floor_due)
        return -((now - min(times)) // MS)


class BreakerReplay:
    """What `forebay-bench replay breaker` does with a list of events."""

    def __init__(self, settings):
        self.settings, self.breaker = settings, None
        self.calls, self.nameless = {}, []

    def line(self, event):
        now = event["at_ms"] * MS
        if self.breaker is None:
            self.breaker = Breaker(self.settings, now)
        breaker = self.breaker
        breaker.pass_time(now)
        admitted = self.apply(event, breaker, now)
        breaker.pass_time(now)
        half = breaker.half
        return {
            "at_ms": event["at_ms"], "state": breaker.state, "admitted": admitted,
            "retry_after_ms": breaker.wait_ms(now), "failures": breaker.failures,
            "successes": half.successes if half else 0,
        }

    def apply(self, event, breaker, now):
        name, key = event["event"], event.get("id")
        if name == "tick":
            if event.get("offered"):
                breaker.offered(event["offered"], now)
            return None
        if name in ("force_open", "force_closed", "auto", "probe_now"):
            breaker.command(name, now)
            return None
        if name == "dispatch":
            breaker.offered(event.get("offered", 1), now)
            permit = breaker.ask(now)
            if key is not None:
                self.calls[key] = permit
            elif permit:
                self.nameless.append(permit)
            return permit is not None
        if key is not None:
            permit = self.calls.pop(key)
        elif self.nameless:
            permit = self.nameless.pop(0)
        else:
            breaker.offered(1, now)
            permit = breaker.ask(now)
        if permit is None:
            return False
        length = event["duration_ms"] * MS if "duration_ms" in event else now - permit.asked
        if name == "slow":
            length = max(length, self.settings.get("slow_threshold") or 0)
        retry_after = event["retry_after_ms"] * MS if "retry_after_ms" in event else None
        kind = "success" if name == "slow" else name
        breaker.result(permit, kind, length, retry_after, now)
        return True


class LimiterReplay:
    """What `forebay-bench replay limiter` does: a bucket of tokens, in exact fractions."""

    def __init__(self, messages, period, burst):
        self.rate, self.burst = Fraction(messages, period), burst
        self.tokens, self.at = Fraction(burst), None

    def line(self, event):
        now = event["at_ns"] if "at_ns" in event else event["at_ms"] * MS
        if self.at is not None:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        name, count = event.get("event", "take"), event.get("count", 1)
        admitted, wait = None, 0
        if name == "refund":
            self.tokens = min(self.burst, self.tokens + count)
        elif name != "tick":
            admitted = count <= self.tokens
            if admitted:
                self.tokens -= count
            else:
                missing = (count - self.tokens) / self.rate
                wait = None if count > self.burst else -(-missing.numerator // missing.denominator)
        written = {key: event[key] for key in ("at_ms", "at_ns") if key in event}
        return {**written, "admitted": admitted, "wait_ns": wait, "available": int(self.tokens)}
