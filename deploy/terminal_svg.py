#!/usr/bin/env python3
"""Draws what a terminal showed as an SVG: docs/demo.svg of the README.

    tmux capture-pane -e -p | deploy/terminal_svg.py [--columns N] >docs/demo.svg

Knows the colours that forebay-bench demo uses. Several captures, one after the other, are divided by
lines that hold a form feed.
"""

import argparse
import re
import sys
from html import escape

CELL, LINE, MARGIN = 8.4, 18, 14
COLOURS = {31: "#f47067", 32: "#57ab5a", 33: "#daaa3f", 34: "#539bf5", 36: "#39c5cf"}
TEXT, DIM, BACK = "#d1d7e0", "#768390", "#1c2128"
# Blocks are drawn and not written, so that no font leaves gaps between them.
BLOCKS = {"█": 1.0, "▒": 0.5, "░": 0.16}


class Pen:
    """What the last codes set. tmux says only what changes, from line to line too."""

    def __init__(self):
        self.colour, self.bold, self.dim = None, False, False

    def obey(self, codes):
        for code in codes.split(";"):
            code = int(code or 0)
            if code == 0:
                self.__init__()
            elif code in (1, 2):
                self.bold, self.dim = self.bold or code == 1, self.dim or code == 2
            elif code == 39:
                self.colour = None
            elif code in COLOURS:
                self.colour = COLOURS[code]

    def pieces(self, line):
        """The line's runs of equal looks: (column, text, colour, is bold)."""
        column = 0
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            if part.startswith("\x1b["):
                self.obey(part[2:-1])
                continue
            for run in re.findall(r"█+|▒+|░+|[^█▒░]+", part):
                yield column, run, self.colour or (DIM if self.dim else TEXT), self.bold
                column += len(run)


def draw(pieces, y):
    for column, run, colour, bold in pieces:
        x, width = MARGIN + column * CELL, len(run) * CELL
        if run[0] in BLOCKS:
            yield (f'<rect x="{x:.1f}" y="{y - 13}" width="{width:.1f}" height="{LINE - 3}" '
                   f'fill="{colour}" fill-opacity="{BLOCKS[run[0]]}"/>')
        elif run.strip():
            weight = ' font-weight="bold"' if bold else ""
            yield (f'<text x="{x:.1f}" y="{y}" textLength="{width:.1f}" fill="{colour}"{weight}>'
                   f"{escape(run)}</text>")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--columns", type=int, default=80)
    columns = parser.parse_args().columns
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width, height = 2 * MARGIN + columns * CELL, 2 * MARGIN + len(lines) * LINE
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
          f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" '
          f'xml:space="preserve">')
    print(f'<rect width="{width:.0f}" height="{height}" rx="8" fill="{BACK}"/>')
    pen = Pen()
    for number, line in enumerate(lines):
        y = MARGIN + number * LINE + 13
        if "\f" in line:
            print(f'<path d="M0 {y - 5}H{width:.0f}" stroke="{DIM}" stroke-dasharray="4 4"/>')
            continue
        for shape in draw(pen.pieces(line), y):
            print(shape)
    print("</svg>")


if __name__ == "__main__":
    main()
