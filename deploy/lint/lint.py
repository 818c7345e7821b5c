#!/usr/bin/env python3
"""Checks the project by every rule of rules.py, and by the tools that check more.

Prints one line a finding and a closing line; exit status 1 if there is a finding.
"""

import os
import shutil
import subprocess
import sys
import time

from project import Project
from rules import RULES

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def tools(project):
    """Name and command of each outside checker that is there."""
    yield "swift format", [
        "swift", "format", "lint", "--strict", "--parallel", "--recursive", "Package.swift",
        "Sources", "Tests",
    ]
    yield "codes", [sys.executable, "proto/check_codes.py"]
    scripts = [path for path, text in project.texts.items() if text.startswith("#!/usr/bin/env bash")]
    for script in scripts:
        yield "bash -n", ["bash", "-n", script]
    if scripts and shutil.which("shellcheck"):
        yield "shellcheck", ["shellcheck", "--severity=warning", *scripts]


def main():
    start = time.monotonic()
    project = Project.read(ROOT)
    findings = [finding for rule in RULES for finding in rule(project)]
    for finding in sorted(findings, key=lambda finding: (finding.path, finding.line)):
        print(finding)
    failed, ran = [], []
    for name, command in tools(project):
        if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
            failed.append(name)
            print(f"{name}: failed: {' '.join(command)}")
        if name not in ran:
            ran.append(name)
    count = len(findings) + len(failed)
    print(
        f"lint: {len(RULES)} rules and {', '.join(ran)} over {len(project.texts)} files, "
        f"{count or 'no'} finding{'' if count == 1 else 's'}, {time.monotonic() - start:.1f} s")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
