"""Swift source with its comments and string literals blanked, so that rules see code only.

Blanks keep every line break and column, so an offset in the result is an offset in the file. Code
inside an interpolation, "\\(like this)", stays.
"""

import re

_RAW_QUOTE = re.compile(r'(#*)("""|")')


def code_only(text):
    """Returns `text` with comments and literals replaced by spaces."""
    out = list(text)
    _blank_code(text, 0, out, until=None)
    return "".join(out)


def _blank_code(text, at, out, until):
    """Walks code from `at`; with `until` ")", stops after the parenthesis that closes it."""
    depth = 0
    while at < len(text):
        if text.startswith("//", at):
            end = text.find("\n", at)
            at = _blank(text, at, len(text) if end < 0 else end, out)
        elif text.startswith("/*", at):
            at = _blank(text, at, _comment_end(text, at), out)
        elif text[at] in '#"' and (quote := _RAW_QUOTE.match(text, at)):
            at = _blank_string(text, at, quote, out)
        else:
            if until and text[at] == "(":
                depth += 1
            elif until and text[at] == ")":
                if depth == 0:
                    return at + 1
                depth -= 1
            at += 1
    return at


def _comment_end(text, at):
    depth, at = 1, at + 2
    while at < len(text) and depth:
        if text.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith("*/", at):
            depth, at = depth - 1, at + 2
        else:
            at += 1
    return at


def _blank_string(text, at, quote, out):
    hashes, marks = quote.groups()
    escape = "\\" + hashes
    closing = marks + hashes
    at = _blank(text, at, quote.end(), out)
    while at < len(text):
        if text.startswith(closing, at):
            return _blank(text, at, at + len(closing), out)
        if text.startswith(escape + "(", at):
            start = at + len(escape) + 1
            _blank(text, at, start, out)
            at = _blank_code(text, start, out, until=")")
            out[at - 1] = " "
        elif text.startswith(escape, at):
            at = _blank(text, at, at + len(escape) + 1, out)
        elif text[at] == "\n" and marks == '"':
            return at  # Not valid Swift; the compiler says so better than we could.
        else:
            at = _blank(text, at, at + 1, out)
    return at


def _blank(text, start, end, out):
    for index in range(start, min(end, len(text))):
        if text[index] != "\n":
            out[index] = " "
    return min(end, len(text))


def closing_brace(code, opening):
    """The offset of the brace that closes the one at `opening`, or the end of the file."""
    depth = 0
    for index in range(opening, len(code)):
        if code[index] == "{":
            depth += 1
        elif code[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return len(code)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
