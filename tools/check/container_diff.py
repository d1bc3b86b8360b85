#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare what two kernels say to the same programs.

Usage: container_diff.py [--expect FILE] OURS NATIVE

OURS and NATIVE are transcripts of selftests/container*.c: lines of
"sequence: step = result". The one is of a kernel with our VFIO container, the other
of one with vfio_iommu_type1.

FILE names the differences that may be, one in a line: a regular expression for all of
"sequence: step", a tab or more, "ours | native" results as regular expressions, a tab
or more, and why. Empty lines and what follows '#' do not count.

The exit status is 0 if nothing else differs and each line of FILE was needed."""

import argparse
import difflib
import re
import sys

LINE = re.compile(r"(?P<step>[^=]*\S) = (?P<result>.*)$")


class Expected:
    """A line of the file of differences that may be"""

    def __init__(self, path, number, text):
        self.where = f"{path}:{number}"
        self.used = 0
        try:
            step, results, self.why = re.split(r"\t+", text, maxsplit=2)
            ours, native = results.split(" | ")
            self.patterns = [re.compile(p.strip()) for p in (step, ours, native)]
        except (ValueError, re.error) as error:
            sys.exit(f"{self.where}: not 'step, ours | native, why': {error}")

    def allows(self, step, ours, native):
        return all(p.fullmatch(text) for p, text in
                   zip(self.patterns, (step, ours, native)))


def read_expected(path):
    if not path:
        return []
    with open(path, encoding="utf-8") as f:
        lines = [(n, line.split("#")[0].strip()) for n, line in enumerate(f, 1)]
    return [Expected(path, n, line) for n, line in lines if line]


def read_transcript(path):
    """What was said, as pairs; other lines are none of the programs'."""
    with open(path, encoding="utf-8", errors="replace") as f:
        found = [LINE.match(line.rstrip()) for line in f]
    steps = [(m["step"], m["result"]) for m in found if m and ": " in m["step"]]
    if not any(step.endswith(": end") for step, _ in steps):
        sys.exit(f"{path}: no sequence has come to its end")
    return steps


def differences(ours, native):
    """(step, our result, native result); a step that one side lacks is 'nothing'."""
    match = difflib.SequenceMatcher(None, [s for s, _ in ours], [s for s, _ in native],
                                    autojunk=False)
    for kind, i, i_end, j, j_end in match.get_opcodes():
        if kind == "equal":
            for (step, mine), (_, theirs) in zip(ours[i:i_end], native[j:j_end]):
                if mine != theirs:
                    yield step, mine, theirs
            continue
        yield from ((step, mine, "nothing") for step, mine in ours[i:i_end])
        yield from ((step, "nothing", theirs) for step, theirs in native[j:j_end])


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--expect")
    p.add_argument("ours")
    p.add_argument("native")
    args = p.parse_args()
    expected = read_expected(args.expect)
    ours, native = read_transcript(args.ours), read_transcript(args.native)
    bad = allowed = 0
    for step, mine, theirs in differences(ours, native):
        reason = next((e for e in expected if e.allows(step, mine, theirs)), None)
        if reason:
            reason.used += 1
            allowed += 1
            continue
        print(f"{step}: ours {mine}, native {theirs}")
        bad += 1
    for unused in (e for e in expected if not e.used):
        print(f"{unused.where}: no such difference: remove it")
        bad += 1
    print(f"container: {len(ours)} steps, {allowed} differ as expected, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
