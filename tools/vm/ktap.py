# SPDX-License-Identifier: GPL-2.0-only
"""Results of a test program that speaks KTAP."""

import re

PLAN = re.compile(r"1\.\.(\d+)")
RESULT = re.compile(r"(not )?ok (\d+)\s*(?:- )?([^#]*)(?:#\s*(SKIP|XFAIL))?")
KSFT_SKIP = 4


def results(name, lines, status):
    """Yield (verdict, test) for each result; what is missing is a failure."""
    plan, seen, failed = None, 0, 0
    for line in lines:
        m = PLAN.match(line)
        if m and plan is None:
            plan = int(m[1])
        m = RESULT.match(line)
        if not m:
            continue
        seen += 1
        failed += bool(m[1])
        verdict = "fail" if m[1] else "skip" if m[4] == "SKIP" else "pass"
        yield verdict, f"{name} {m[3].strip()}"
    if plan == 0 and status in (0, KSFT_SKIP):
        yield "skip", name
    elif not plan or seen != plan:
        yield "fail", f"{name}: {seen} results, {plan} planned, exit status {status}"
    elif status not in (0, KSFT_SKIP) and not failed:
        yield "fail", f"{name}: no test failed, yet exit status {status}"
