#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs one test program against a `hypha serve` of its own and adds how that ended.

usage: with-server.py PROGRAM ARGUMENT…

The program prints TAP and finds the server in HYPHA_URL and HYPHA_SECRET.
"""

import os
import re
import subprocess
import sys

from server import SECRET, Server

TAP = re.compile(rb"^(ok|not ok|#|Bail out!)")
PLAN = re.compile(rb"^1\.\.(\d+)$")
TROUBLE = re.compile(r"CRITICAL|WARNING \*\*|ERROR:|runtime error:")


def relay(command, env):
    """Passes the program's TAP on without its plan; returns its exit status and the plan.

    The stock clients log to stdout, in the middle of anything, so what is not a plain line of TAP
    becomes a comment.
    """
    planned = 0
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            plan = PLAN.match(line)
            if plan:
                planned = int(plan[1])
                continue
            sys.stdout.buffer.write(line if TAP.match(line) else b"# " + line)
            sys.stdout.flush()
    return process.returncode, planned


def point(number, ok, title, detail):
    print(f"{'ok' if ok else 'not ok'} {number} - {title}")
    if not ok:
        for line in detail.splitlines():
            print(f"# {line}")


def main():
    server = Server()
    with server:
        env = dict(os.environ, HYPHA_URL=server.url, HYPHA_SECRET=SECRET,
                   HYPHA_SERVER_PID=str(server.process.pid),
                   HYPHA_SERVER_HOME=server.home.name)
        status, planned = relay(sys.argv[1:], env)
        lived = server.process.poll() is None
        ended = server.stop()
        errors = server.stderr()
    point(planned + 1, status == 0 and planned > 0, "the test program ended well",
          f"exit status {status}, {planned} points")
    point(planned + 2, lived and ended == 0, "the server lived through it and exited with 0",
          f"lived: {lived}, exit status {ended}\n{errors}")
    point(planned + 3, not TROUBLE.search(errors), "the server had no complaint of its own", errors)
    print(f"1..{planned + 3}")
    return 0


sys.exit(main())
