# SPDX-License-Identifier: MIT
"""One `hypha serve` of one's own: a free port, an empty home, a known secret."""

import os
import re
import select
import signal
import subprocess
import tempfile
import time

SECRET = "interop-tests-sign-their-own-tokens-with-this"
START_DEADLINE = 20
STOP_DEADLINE = 10
LISTENING = re.compile(r"^hypha: listening on (http://127\.0\.0\.1:(\d+))$")


def program():
    return os.environ["HYPHA_PROGRAM"]


def environment(home, secret=SECRET):
    """What the server sees: nothing of the person who runs the tests."""
    env = {key: value for key, value in os.environ.items()
           if key in ("PATH", "LANG", "LC_ALL", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                      "LD_LIBRARY_PATH", "MALLOC_PERTURB_", "G_DEBUG", "G_MESSAGES_DEBUG")}
    env.update(HOME=home, XDG_CONFIG_HOME=f"{home}/config", XDG_DATA_HOME=f"{home}/data",
               XDG_STATE_HOME=f"{home}/state", XDG_CACHE_HOME=f"{home}/cache",
               XDG_RUNTIME_DIR=f"{home}/run")
    os.makedirs(env["XDG_RUNTIME_DIR"], mode=0o700, exist_ok=True)
    if secret is not None:
        env["HYPHA_JWT_SECRET"] = secret
    return env


class Server:
    """Runs from `start` (or `with`) to `stop`; `url` and `port` are where it listens."""

    def __init__(self, *options, secret=SECRET):
        self.options = options or ("--host", "127.0.0.1", "--port", "0")
        self.secret = secret
        self.home = tempfile.TemporaryDirectory(prefix="hypha-interop-")
        self.process = None
        self.url = None
        self.port = None

    def start(self):
        self.errors = open(f"{self.home.name}/stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [program(), "serve", *self.options], env=environment(self.home.name, self.secret),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors)
        line = self._first_line()
        match = LISTENING.match(line)
        if match is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no address from the server, but {line!r} and {self.stderr()!r}")
        self.url, self.port = match[1], int(match[2])
        return self

    def _first_line(self):
        line = b""
        deadline = time.monotonic() + START_DEADLINE
        fd = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                break
            byte = os.read(fd, 1)
            if not byte:
                break
            line += byte
        return line.decode().rstrip("\n")

    def stderr(self):
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8", errors="replace") as errors:
            return errors.read()

    def resident(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def stop(self, number=signal.SIGTERM):
        """Asks the server to end; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {STOP_DEADLINE} s after signal {number}") from None
        finally:
            self.process.stdout.close()
        return status

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process is not None:
            self.process.stdout.close()
            self.errors.close()
        self.home.cleanup()

    def __enter__(self):
        return self.start()

    def __exit__(self, *args):
        self.close()
