#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a test if what it needs is there.

usage: needs.py [--needs FILE=WHAT]… PROGRAM ARGUMENT…

A FILE that is missing skips the test with the reason in TAP, or fails it where
HYPHA_TESTS_STRICT is set.
"""

import argparse
import os
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--needs", action="append", default=[])
parser.add_argument("command", nargs=argparse.REMAINDER)
options = parser.parse_args()
for need in options.needs:
    path, what = need.split("=", 1)
    if os.path.exists(path):
        continue
    if os.environ.get("HYPHA_TESTS_STRICT"):
        print(f"1..1\nnot ok 1 - {what} is not here, and nothing may be skipped")
        sys.exit(1)
    print(f"1..0 # SKIP {what} is not here; build-aux/setup fetches it")
    sys.exit(0)
os.execvp(options.command[0], options.command)
