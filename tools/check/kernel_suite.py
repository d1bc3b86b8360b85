#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The kernel tree's own tests of iommufd, and the list of those that may fail.

Usage: kernel_suite.py build TREE OUT [debug]
       kernel_suite.py judge RESULT LIST    what is not as the list has it
       kernel_suite.py list RESULT LIST     a list that fits RESULT

RESULT is what 'tools/vm/run --result' wrote. Each line of LIST names a test and
says, after white space, what it waits for."""

import collections
import os
import subprocess
import sys

TESTS = "tools/testing/selftests/iommu"
PROGRAMS = ("iommufd", "iommufd_fail_nth")
LIST = "tools/check/kernel-suite.expect"
MACHINE = ["--hugepages", "80"]
# The reason of a test that nobody has looked at yet
UNKNOWN = "?"


def machine(_):
    """For tools/vm/run"""
    return MACHINE


def programs(_):
    """Each with its arguments"""
    return [[name] for name in PROGRAMS]


def build(tree, out, debug):
    """The tests as they are; for the slow kernel the harness gets more patience."""
    patience = ["-include", "tools/check/patient_harness.h"] if debug else []
    os.makedirs(out, exist_ok=True)
    for name in PROGRAMS:
        subprocess.run(["gcc", "-w", "-O2", "-D_GNU_SOURCE=", "-isystem", f"{tree}/usr/include",
                        f"-I{tree}/tools/testing/selftests"] + patience +
                       ["-static", "-o", f"{out}/{name}", f"{tree}/{TESTS}/{name}.c", "-lcap"],
                       check=True)


def read_list(path):
    """Test -> reason, in the order of the file."""
    with open(path) as f:
        lines = [line.split(None, 1) for line in f if line.strip() and line[0] != "#"]
    return {words[0]: words[1].strip() if len(words) > 1 else UNKNOWN for words in lines}


def read_result(path):
    with open(path) as f:
        return [tuple(line.rstrip("\n").split(" ", 1)) for line in f]


def test_name(name):
    """Without the program: each test's own name is unique."""
    return name.split(" ", 1)[-1]


def judge(results, expected):
    """Yield (verdict, test, reason): 'wait' for one that may fail and does."""
    seen = set()
    for verdict, name in results:
        test = test_name(name)
        seen.add(test)
        reason = expected.get(test)
        if reason is None:
            yield verdict, name, ""
        elif reason == UNKNOWN:
            yield "fail", name, "the list does not say what it waits for"
        elif verdict == "fail":
            yield "wait", name, reason
        else:
            yield "fail", name, f"the result is '{verdict}': remove it from the list"
    for test in expected:
        if test not in seen:
            yield "fail", test, "on the list, but there is no such test"


def waiting(judged):
    """A line for each reason."""
    count = collections.Counter(reason for verdict, _, reason in judged if verdict == "wait")
    return [f"{n} wait for {reason}" for reason, n in count.items()]


def new_list(results, old):
    """What fails now; a new variant of a test waits for what the others wait for."""
    def without_variant(test):
        return test.split(".")[0], test.split(".")[-1]

    variants = {without_variant(test): reason for test, reason in old.items()}
    tests = dict.fromkeys(test_name(name) for verdict, name in results
                          if verdict == "fail" and ":" not in name.split(" ")[0])
    width = max(map(len, tests), default=0)
    return [f"{test:<{width}}  {old.get(test) or variants.get(without_variant(test), UNKNOWN)}"
            for test in tests]


def heading(path):
    with open(path) as f:
        return [line.rstrip("\n") for line in f if line[0] == "#"]


def accept(results, path):
    lines = heading(path) + new_list(results, read_list(path))
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def main():
    how, args = sys.argv[1:2], sys.argv[2:]
    if how == ["build"]:
        return build(*args[:2], args[2:])
    if how not in (["judge"], ["list"]) or len(args) != 2:
        sys.exit(__doc__)
    results = read_result(args[0])
    if how == ["list"]:
        print("\n".join(heading(args[1]) + new_list(results, read_list(args[1]))))
        return False
    judged = list(judge(results, read_list(args[1])))
    bad = [f"{name}: {reason or 'fails'}" for verdict, name, reason in judged if verdict == "fail"]
    print("\n".join(bad + waiting(judged)))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
