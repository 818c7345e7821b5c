#!/usr/bin/env python3
"""Checks `forebay-bench replay` with the model: on the golden files, and on random events.

    check.py FOREBAY-BENCH [--seeds N] [--seed ONE] [--write]

Each golden NAME.yaml with NAME.events.jsonl has NAME.states.jsonl, byte for byte, and a comment that
says what it shows. --write writes those anew, by the model. A random sequence that differs is named
by its seed, with the line at which it does. Exit 1 if anything disagrees.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from model import BreakerReplay, LimiterReplay, MS, SECOND

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
UNITS = {"ms": MS, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}


def span(text):
    number = text.rstrip("msh")
    return int(number) * UNITS[text[len(number):]]


def settings_of(route):
    """A route's breaker as the model has it: times in nanoseconds."""
    return {
        key: None if value == "none" else span(value) if isinstance(value, str) else value
        for key, value in route.get("breaker", {}).items()
    }


def limit_of(route):
    messages, period = route["rate"].split("/")
    period = UNITS[period]
    tenth = int(messages) // max(1, period // (100 * MS))
    return int(messages), period, route.get("burst", max(1, tenth))


def expected(kind, route, events):
    if kind == "breaker":
        replay = BreakerReplay(settings_of(route))
    else:
        replay = LimiterReplay(*limit_of(route))
    return [json.dumps(replay.line(event), separators=(",", ":")) for event in events]


def replayed(bench, kind, config, lines):
    run = subprocess.run(
        [bench, "replay", kind, "--config", str(config)], input="\n".join(lines) + "\n",
        capture_output=True, text=True, timeout=120)
    return run.stdout.splitlines(), run.returncode, run.stderr


def difference(events, wanted, found, status, stderr):
    for number, event in enumerate(events):
        got = found[number] if number < len(found) else f"nothing: {stderr.strip()}"
        if got != wanted[number]:
            return (f"line {number + 1}: {json.dumps(event)}\n    model:   {wanted[number]}\n"
                    f"    forebay: {got}")
    return None if status == 0 else f"exit status {status}: {stderr.strip()}"


def check_golden(bench, write):
    wrong, count = [], 0
    for config in sorted(GOLDEN.glob("*.yaml")):
        kind = config.name.split("-")[0]
        route = yaml.safe_load(config.read_text())["routes"][0]
        lines = config.with_suffix(".events.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        wanted = expected(kind, route, events)
        stored = config.with_suffix(".states.jsonl")
        if write:
            stored.write_text("\n".join(wanted) + "\n")
        golden = stored.read_text().splitlines()
        count += len(events)
        if golden != wanted:
            wrong.append(f"{stored.name}: the model says something else")
        if problem := difference(events, golden, *replayed(bench, kind, config, lines)):
            wrong.append(f"{config.name}: {problem}")
    return wrong, count


# What can't be replayed


def check_refusals(bench, folder):
    """Each ends with its status of sysexits, says why, and prints nothing that isn't so."""
    def config(name, text):
        path = Path(folder) / name
        path.write_text(text)
        return str(path)

    one = config("one.yaml", "routes: [{name: main, upstream: 'journal:/j'}]\n")
    two = config("two.yaml", "routes:\n- {name: a, upstream: 'journal:/a', rate: 5/s}\n"
                             "- {name: b, upstream: 'journal:/b'}\n")
    bad = config("bad.yaml", "routes:\n- name: a\n  upstream: journal:/j\n  breaker: {quota: 5}\n")
    tick, failure = '{"at_ms":5,"event":"tick"}', '{"at_ms":6,"event":"failure","id":1}'
    tries = [
        # arguments, input, status, how many lines are printed, what is said
        (["breaker"], "", 0, 0, ""),
        (["breaker", "--config", one], f"\n{tick}\r\n\n  {tick}", 0, 2, ""),
        (["breaker", "--config", one], f"{tick}\n\n{failure}\n{tick}\n", 65, 1, "input, line 3: there is"),
        (["breaker", "--config", one], f"{tick}\n{tick[:-1]}", 65, 1, "input, line 2: isn't one JSON"),
        (["breaker", "--config", one], tick + " " * 70_000, 65, 0, "input, line 1: is longer than"),
        (["breaker", "--config", one], tick.replace("tick", "t\udcffck"), 65, 0, "isn't UTF-8"),
        (["breaker", "--config", bad], tick, 78, 0, "bad.yaml:4: routes[0].breaker: unknown key 'quota'"),
        (["breaker", "--config", folder + "/none"], tick, 78, 0, "No such file"),
        (["breaker", "--config", two], tick, 64, 0, "say which by --route: a, b"),
        (["breaker", "--config", two, "--route", "b"], tick, 0, 1, ""),
        (["breaker", "--config", two, "--route", "c"], tick, 64, 0, "no route 'c'; there are: a, b"),
        (["limiter", "--config", two, "--route", "a"], tick, 0, 1, ""),
        (["limiter", "--config", two, "--route", "b"], tick, 78, 0, "route 'b' has no rate"),
        (["limiter", "--config", two, "--class", "x"], tick, 64, 0, "no class 'x'"),
    ]
    wrong = []
    for arguments, text, status, count, said in tries:
        run = subprocess.run(
            [bench, "replay", *arguments], input=text.encode(errors="surrogateescape"),
            capture_output=True, timeout=60)
        stderr = run.stderr.decode(errors="replace")
        found = run.returncode, len(run.stdout.splitlines()), said in stderr, bool(stderr)
        if found != (status, count, True, status != 0):
            wrong.append(f"{' '.join(arguments)}: {found}, {stderr.strip()}")
    with open("/dev/full", "w") as full:
        run = subprocess.run([bench, "replay", "breaker"], input=tick.encode(), stdout=full,
                             stderr=subprocess.PIPE, timeout=60)
        if run.returncode != 74 or b"No space left" not in run.stderr:
            wrong.append(f"a full disk: {run.returncode}, {run.stderr.decode().strip()}")
    return wrong


# Random events


def random_breaker(draw):
    """Settings with which much happens in little time."""
    def pick(*values):
        return draw.choice(values)
    slow = pick("none", "50ms", "1s")
    successes = pick(1, 2, 5)
    maximum = pick(*[text for text in ("1s", "2s", "5s", "30s") if span(text) >= successes * SECOND])
    deadline = pick(*[
        text for text in ("10ms", "200ms", "1s", "5s")
        if span(text) <= span(maximum) and (slow == "none" or span(text) >= span(slow))])
    return {
        "consecutive_failures": pick(1, 2, 5, 100), "failure_rate_percent": pick("none", 20, 50, 100),
        "slow_rate_percent": pick(1, 50, 100), "slow_threshold": slow,
        "window": pick("10ms", "333ms", "1s", "10s"), "minimum_samples": pick(1, 3, 20),
        "base_wait": (base := pick("1ms", "100ms", "1s")),
        "maximum_wait": pick(base, "1s", "3s", "60s"), "jitter_percent": 0,
        "retry_after_maximum": pick("0s", "500ms", "300s"), "healthy_interval": pick("100ms", "2s", "10s"),
        "successes_to_close": successes,
        "minimum_half_open": pick(*[
            text for text in ("0s", "100ms", "5s") if span(text) <= span(maximum)]),
        "maximum_half_open": maximum, "quota_percent": draw.randint(1, 5), "probe_deadline": deadline,
    }


def random_events(draw, count):
    """Good and bad times by turns, results that come late, operators now and then."""
    now, events, under_way, next_id = draw.choice([0, 1_764_000_000_000]), [], [], 0
    health = draw.random()
    for _ in range(count):
        now += draw.choice([0, 0, 1, 1, 3, 10, 47, 100, 500, draw.randint(0, 3000)])
        if draw.random() < 0.02:
            now += draw.randint(0, 120_000)
        if draw.random() < 0.05:
            health = draw.random()
        event = {"at_ms": now}
        kind = draw.random()
        if kind < 0.35:
            event["event"] = "dispatch"
            if draw.random() < 0.8:
                event["id"] = next_id if draw.random() < 0.5 else f"call {next_id}"
                under_way.append(event["id"])
                next_id += 1
            if draw.random() < 0.2:
                event["offered"] = draw.choice([0, 1, 7, 20, 100])
        elif kind < 0.85:
            if under_way and draw.random() < 0.8:
                latest = draw.random() < 0.7
                event["id"] = under_way.pop(-1 if latest else draw.randrange(len(under_way)))
            good = draw.random() < health
            event["event"] = draw.choice(
                ["success"] * 8 + ["neutral", "slow"] if good else
                ["failure"] * 7 + ["throttled", "slow", "neutral"])
            if draw.random() < 0.3:
                event["duration_ms"] = draw.choice([0, 49, 50, 999, 1000, 7000])
            if event["event"] in ("failure", "throttled") and draw.random() < 0.2:
                event["retry_after_ms"] = draw.choice([0, 100, 2000, 100_000])
        elif kind < 0.97:
            event["event"] = "tick"
            if draw.random() < 0.5:
                event["offered"] = draw.choice([1, 5, 19, 20, 21, 400])
        else:
            event["event"] = draw.choice(["force_open", "force_closed", "auto", "auto", "probe_now"])
        events.append(event)
    return events


def random_limit(draw):
    unit = draw.choice(["s", "m", "h"])
    return {"rate": f"{draw.choice([1, 3, 7, 500, 10_007, 1_000_000])}/{unit}",
            "burst": draw.choice([1, 2, 10, 1000])}


def random_takes(draw, count):
    now, events = 0, []
    for _ in range(count):
        now += draw.choice([0, 1, 999, 33_333, 1_000_000, draw.randint(0, 2_000_000_000)])
        events.append({
            "at_ns": now, "event": draw.choice(["take"] * 6 + ["refund", "tick"]),
            "count": draw.choice([0, 1, 1, 2, 3, 10, 11, 1001])})
        if events[-1]["event"] == "tick":
            del events[-1]["count"]
    return events


def check_random(bench, seed, folder):
    draw = random.Random(seed)
    kind = "limiter" if seed % 5 == 0 else "breaker"
    route = {"name": "main", "upstream": "journal:/j"}
    if kind == "breaker":
        route["breaker"] = random_breaker(draw)
        if span(route["breaker"]["maximum_wait"]) < span(route["breaker"]["base_wait"]):
            route["breaker"]["maximum_wait"] = route["breaker"]["base_wait"]
        events = random_events(draw, 400)
    else:
        route.update(random_limit(draw))
        events = random_takes(draw, 400)
    config = Path(folder) / f"{seed}.yaml"
    config.write_text(yaml.safe_dump({"routes": [route]}))
    wanted = expected(kind, route, events)
    found = replayed(bench, kind, config, [json.dumps(event) for event in events])
    states = {json.loads(line).get("state") for line in wanted}
    return difference(events, wanted, *found), len(events), states - {None}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", help="the program forebay-bench")
    parser.add_argument("--seeds", type=int, default=100, help="how many random sequences")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--write", action="store_true", help="write the golden states by the model")
    options = parser.parse_args()
    wrong, count = check_golden(options.bench, options.write)
    seeds = range(1, options.seeds + 1) if options.seed is None else [options.seed]
    states = set()
    with tempfile.TemporaryDirectory() as folder:
        wrong += check_refusals(options.bench, folder)
        for seed in seeds:
            problem, events, seen = check_random(options.bench, seed, folder)
            count += events
            states |= seen
            if problem:
                wrong.append(f"seed {seed}: {problem}")
    missing = {"closed", "open", "half_open", "forced_open", "forced_closed"} - states
    if options.seed is None and missing:
        wrong.append(f"never reached: {', '.join(sorted(missing))}")
    for problem in wrong:
        print(problem, file=sys.stderr)
    print(f"replay: {count} events, {len(seeds)} random sequences: {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
