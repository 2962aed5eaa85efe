#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Stock clients of every age and transport outlive their server."""

import json
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time
import unittest

import tap
from relay import Relay
from server import Server, environment, program

HERE = pathlib.Path(__file__).parent
KINDS = ("js", "js-old", "js-http", "py", "py-http")
DEADLINE = 60


class Worker:
    """One client in a process of its own."""

    def __init__(self, kind, url, token):
        self.kind = kind
        self.log = []
        self.answers = queue.Queue()
        command = (["node", HERE / "life-cycle-client.mjs"] if kind.startswith("js") else
                   [os.environ["HYPHA_PYTHON"], HERE / "life_cycle_client.py"])
        self.process = subprocess.Popen(
            [*command, kind], env={**os.environ, "HYPHA_URL": url, "HYPHA_TOKEN": token},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("@"):
                self.answers.put(json.loads(line[1:]))
            else:
                self.log.append(line)
        self.answers.put(None)

    def take(self):
        try:
            answer = self.answers.get(timeout=DEADLINE)
        except queue.Empty:
            answer = None
        if answer is None:
            raise AssertionError(f"{self.kind} is silent\n{''.join(self.log[-30:])}")
        return answer

    def call(self, other):
        self.process.stdin.write(f"ws-a/{other}:hello\n")
        self.process.stdin.flush()
        return self.take()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class LifeCycle(unittest.TestCase):
    def setUp(self):
        self.server = Server("--port", "0", secret=None)
        self.server.start()
        self.addCleanup(self.server.close)

        # The next start is at the same place, with what the first one kept.
        self.server.options = ("--port", str(self.server.port))
        token = subprocess.run([program(), "token", "--workspace", "ws-a"], text=True,
                               env=environment(self.server.home.name, None), check=True,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=20).stdout
        self.token = token.strip()
        self.workers = {}

    def start_workers(self, port):
        for kind in KINDS:
            worker = Worker(kind, f"http://127.0.0.1:{port}", self.token)
            self.addCleanup(worker.stop)
            self.workers[kind] = worker
        for kind, worker in self.workers.items():
            self.assertEqual(worker.take(), {"ready": kind})

    def assert_everybody_reaches_everybody(self):
        """At last: some try again every second, some wait longer."""
        deadline = time.monotonic() + DEADLINE
        for kind, worker in self.workers.items():
            for other in KINDS:
                while (answer := worker.call(other)) != {"answer": other}:
                    self.assertIn("error", answer)
                    self.assertLess(time.monotonic(), deadline,
                                    f"{kind} → {other}: {answer}\n{''.join(worker.log[-30:])}")
                    time.sleep(0.2)

    def restart(self, number):
        self.server.stop(number)
        self.server.errors.close()
        self.server.start()

    def test_killed(self):
        self.start_workers(self.server.port)
        self.assert_everybody_reaches_everybody()
        self.restart(signal.SIGKILL)
        self.assert_everybody_reaches_everybody()

    def test_terminated(self):
        self.start_workers(self.server.port)
        self.restart(signal.SIGTERM)
        self.assert_everybody_reaches_everybody()

    def test_twice(self):
        self.start_workers(self.server.port)
        self.restart(signal.SIGTERM)
        self.restart(signal.SIGKILL)
        self.assert_everybody_reaches_everybody()

    def test_cut_off(self):
        """The server still holds the connections that its clients have lost."""
        relay = Relay(self.server.port)
        self.addCleanup(relay.close)
        self.start_workers(relay.port)
        self.assert_everybody_reaches_everybody()
        self.assertGreaterEqual(relay.cut(), len(KINDS))
        self.assert_everybody_reaches_everybody()


tap.main()
