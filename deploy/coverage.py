#!/usr/bin/env python3
"""Region coverage of the wire and the core by their own tests: `make coverage`.

    deploy/coverage.py [--missed]

Builds them with their tests and nothing else, runs the tests, and prints what share of the regions of
each area was run. Fails if an area that has to be covered is below 95 %. With --missed it names the
places that no test reaches.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".build-coverage"
LEAST = 95.0

# Each file belongs to the first area that names it or its folder.
AREAS = {
    "codec": ["Sources/ForebayWire/"],
    "credit": [
        "Sources/ForebayCore/Credit/", "Sidecar+Granting.swift", "Sidecar+EqualShare.swift",
        "Sidecar+Reclaiming.swift", "Sidecar+Waiting.swift",
    ],
    "memory": ["Sources/ForebayCore/Memory/"],
    "breaker": ["Sources/ForebayCore/Breaker/"],
    "scheduler": [
        "Sources/ForebayCore/Scheduler/", "Sidecar+Dispatch.swift", "Sidecar+Calls.swift",
    ],
    "limits": ["Sources/ForebayCore/Limits/"],
    "the rest of the core": ["Sources/ForebayCore/"],
}
MUST = ["codec", "credit", "memory", "breaker", "scheduler"]

# Not the product: bugs that are planted on purpose, and the checks that only tests call.
IGNORED_FILES = ["Invariants.swift", "PlantedBugs.swift"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--missed", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    test()
    areas = {area: [0, 0, []] for area in AREAS}
    for (file, place), was_run in sorted(regions().items()):
        area = next((a for a, names in AREAS.items() if any(n in file for n in names)), None)
        if area is None or any(file.endswith(name) for name in IGNORED_FILES):
            continue
        areas[area][0] += 1
        areas[area][1] += was_run
        if not was_run:
            areas[area][2].append(f"{file}:{place[0]}")
    failed = []
    for area, (count, run, missed) in areas.items():
        share = 100 * run / count
        print(f"{area:<22} {run:>5} of {count:>5} regions {share:6.1f} %")
        if arguments.missed:
            print("".join(f"  {place}\n" for place in missed), end="")
        if area in MUST and share < LEAST:
            failed.append(area)
    if failed:
        print(f"coverage: below {LEAST} %: {', '.join(failed)}; --missed names the places")
        return 1
    print(f"coverage: at least {LEAST} % of each of {', '.join(MUST)}; "
          f"{time.monotonic() - began:.0f} s")
    return 0


def swift(*arguments):
    done = subprocess.run(
        ["swift", *arguments, "--enable-code-coverage", "--scratch-path", SCRATCH], cwd=ROOT,
        env=os.environ | {"CORE_ONLY": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    if done.returncode:
        sys.exit(done.stdout)


def test():
    swift("build", "--build-tests")
    swift("test", "--skip-build", "--disable-xctest")


def regions():
    """Whether each region of the sources was run, by file and place. Instances of generic functions are
    one region."""
    # The one beside swift: the system's doesn't know this compiler's format.
    tool = pathlib.Path(shutil.which("swift")).resolve().parent / "llvm-cov"
    said = subprocess.run(
        [tool, "export", SCRATCH / "debug/forebayPackageTests.xctest", "-instr-profile",
         SCRATCH / "debug/codecov/default.profdata", ROOT / "Sources"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    found = {}
    lines = {}
    for function in json.loads(said)["data"][0]["functions"]:
        for first, start, last, end, count, file_index, _, kind in function["regions"]:
            if kind != 0:
                continue
            file = os.path.relpath(function["filenames"][file_index], ROOT)
            text = lines.setdefault(file, (ROOT / file).read_text().splitlines())
            # What a planted bug guards can't be run in this build.
            if any("planted(" in line for line in text[max(0, first - 2):first]):
                continue
            key = (file, (first, start, last, end))
            found[key] = found.get(key, False) or count > 0
    return found


if __name__ == "__main__":
    sys.exit(main())
