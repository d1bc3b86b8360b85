#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print the functions, files and blocks of our C code that are too big to grasp.

Usage: size.py FILE...    exit status 1 if something is over"""

import re
import sys

MAX_FUNCTION = 60
MAX_FILE = 800
MAX_NESTING = 3
STATEMENT = re.compile(r"\t*(if|for|while|do|switch|return|goto|break|continue|\w+\()\b")


def functions(lines):
    """Yield (first line, last line) of each body, kernel style: braces in column 0."""
    start = None
    for n, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = n
        elif line.startswith("}") and start:
            yield start, n
            start = None


def nesting(lines):
    """Depth of blocks: indentation where a statement starts, beyond the body's."""
    worst, where, case = 0, 0, 0
    before = ";"
    for n, line in enumerate(lines):
        text = line.strip()
        starts = before.endswith((";", "{", "}", ":", "*/", ")", "else", "do"))
        if STATEMENT.match(line) and starts and not line.startswith("\t" * 9):
            depth = len(line) - len(line.lstrip("\t")) - 1
            # an aligned continuation ends in spaces, or is no statement
            if depth > worst and not line[depth + 1:].startswith(" "):
                worst, where = depth, n
        if text and not text.startswith(("/*", "*", "//")):
            before = text
    return worst, where


def check(path):
    with open(path) as f:
        lines = f.read().split("\n")
    if len(lines) > MAX_FILE:
        yield f"{path}: {len(lines)} lines (at most {MAX_FILE})"
    for start, end in functions(lines):
        name = lines[start - 2].split("(")[0].split()[-1:] if start > 1 else []
        for back in range(start - 2, max(start - 8, -1), -1):
            m = re.match(r"\S.*?\b(\w+)\(", lines[back])
            if m:
                name = [m[1]]
                break
        what = f"{path}:{start}: {''.join(name)}()"
        if end - start - 1 > MAX_FUNCTION:
            yield f"{what} has {end - start - 1} lines (at most {MAX_FUNCTION})"
        depth, where = nesting(lines[start:end - 1])
        if depth > MAX_NESTING:
            yield f"{path}:{start + where + 1}: {what.rsplit(' ', 1)[1]} nests {depth} deep (at most {MAX_NESTING})"


def main():
    found = [text for path in sys.argv[1:] for text in check(path)]
    print("\n".join(found) or "nothing is over")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
