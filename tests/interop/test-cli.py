#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`hypha serve` as a program: its one line, its options, its secret, and how it ends."""

import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest

import tap
from server import SECRET, Server, environment, program
from websocket import Peer

IDLE_SECONDS = 2
IDLE_KIB = 15 * 1024
GOING_AWAY = 1001
RESTART = 1012


def switches(pid):
    """How often the process has gone to sleep, which it does once for each time it woke up."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1])


class Serve(unittest.TestCase):
    def server(self, *options, **more):
        server = Server(*options, **more)
        self.addCleanup(server.close)
        return server

    def assert_refused(self, *options, secret=SECRET, home=None):
        """Exit 1, one line on stderr, nothing on stdout."""
        home = home or self.server().home.name
        done = subprocess.run([program(), *options], env=environment(home, secret), timeout=20,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Ahypha: [^\n]+\n\Z")
        self.assertNotIn(secret or SECRET, done.stderr)
        return done.stderr

    def test_ends_with_0_on_sigterm_and_sigint(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                server = self.server().start()
                self.assertEqual(server.stop(number), 0)
                self.assertEqual(server.stderr(), "")

    def test_says_goodbye_to_its_clients(self):
        for number, code in ((signal.SIGTERM, RESTART), (signal.SIGINT, GOING_AWAY)):
            with self.subTest(number):
                server = self.server().start()
                peers = [Peer(server.port) for _ in range(3)]
                for peer in peers[:2]:
                    self.addCleanup(peer.close)
                    self.assertEqual(peer.join()["type"], "connection_info")
                server.process.send_signal(number)
                self.assertEqual([peer.closing() for peer in peers], [code] * 3)
                self.assertEqual(server.stop(), 0)

    def test_starts_again_on_the_same_port_at_once(self):
        first = self.server().start()
        peer = Peer(first.port)
        self.addCleanup(peer.close)
        self.assertEqual(peer.join()["type"], "connection_info")
        self.assertEqual(first.stop(), 0)
        second = self.server("--port", str(first.port)).start()
        self.assertEqual(second.port, first.port)
        self.assertEqual(second.stop(), 0)

    def test_taken_port(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = str(holder.getsockname()[1])
            self.assertIn(port, self.assert_refused("serve", "--port", port))

    def test_bad_options(self):
        for options in (["serve", "--no-such-option"], ["serve", "--port", "eighty"],
                        ["serve", "--port", "65536"], ["serve", "--port", "-1"],
                        ["serve", "--port"], ["serve", "surplus"], ["no-such-command"],
                        ["serve", "--host", "256.256.256.256", "--port", "0"],
                        ["serve", "--port", "0", "--base-url", "no url"]):
            with self.subTest(options):
                self.assert_refused(*options)

    def test_short_secret(self):
        self.assert_refused("serve", "--port", "0", secret="hunter2")

    def login(self, server, *arguments, secret=SECRET):
        return subprocess.run([program(), "login", "--port", str(server.port), *arguments],
                              env=environment(server.home.name, secret), timeout=20, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def test_login_without_any(self):
        done = self.login(self.server().start())
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "No login waits.\n", ""))

    def test_login_that_is_refused(self):
        server = self.server().start()
        port = str(server.port)
        home = server.home.name
        other = SECRET[::-1]
        self.assertIn("no login", self.assert_refused("login", "--port", port, "ABCD-EFGH"))
        self.assertIn("no login", self.assert_refused("login", "--port", port, "\x1b[31m&agree=true"))
        self.assertIn("only the person", self.assert_refused("login", "--port", port, secret=other,
                                                             home=home))
        for options in (["--refuse"], ["A", "B"], ["--port", "0"], ["--port", "65536"],
                        ["--no-such-option"]):
            with self.subTest(options):
                self.assert_refused("login", "--port", port, *options)
        self.assertEqual(server.stop(), 0)
        self.assertIn(port, self.assert_refused("login", "--port", port, "ABCD-EFGH"))

    def test_help(self):
        done = subprocess.run([program(), "serve", "--help"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=20, check=True,
                              env=environment(self.server().home.name))
        for option in ("--host", "--port", "--base-url", "--workspace-dir"):
            self.assertIn(option, done.stdout)

    def test_base_url(self):
        server = self.server("--port", "0", "--base-url", "https://hypha.example/core").start()
        peer = Peer(server.port)
        self.addCleanup(peer.close)
        self.assertEqual(peer.join()["public_base_url"], "https://hypha.example/core")

    def secret_file(self, home):
        files = [path for path in pathlib.Path(home).rglob("*")
                 if path.is_file() and "secret" in path.name.lower()]
        self.assertEqual(len(files), 1, files)
        return files[0]

    def test_makes_a_secret_of_its_own_and_keeps_it(self):
        server = self.server(secret=None)
        for _ in range(2):
            server.start()
            self.assertEqual(server.stop(), 0)
            path = self.secret_file(server.home.name)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            secret = path.read_bytes()
            self.assertGreaterEqual(len(secret), 32)
        self.assertEqual(path.read_bytes(), secret)

    def test_a_secret_that_cannot_be_used_is_refused(self):
        server = self.server(secret=None).start()
        self.assertEqual(server.stop(), 0)
        path = self.secret_file(server.home.name)
        good = path.read_bytes()
        options = ("serve", "--port", "0")
        path.write_bytes(b"hunter2")
        self.assert_refused(*options, secret=None, home=server.home.name)
        path.write_bytes(good)
        path.chmod(0o644)
        self.assert_refused(*options, secret=None, home=server.home.name)
        path.unlink()
        path.mkdir()
        self.assert_refused(*options, secret=None, home=server.home.name)
        shutil.rmtree(path)

    def test_secret_is_not_to_be_seen_in_its_arguments(self):
        server = self.server().start()
        arguments = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        self.assertNotIn(SECRET.encode(), arguments)

    def test_idle_core_is_small(self):
        server = self.server().start()
        # Sanitizers take memory of their own; that it starts and can be measured holds with them.
        limit = IDLE_KIB if "HYPHA_SANITIZED" not in os.environ else 100 * IDLE_KIB
        self.assertLess(server.resident(), limit)

    def test_idle_core_sleeps(self):
        server = self.server().start()
        peer = Peer(server.port)
        self.addCleanup(peer.close)
        self.assertEqual(peer.join()["type"], "connection_info")
        # The pool of buffers is emptied a second after it was last used.
        settled = time.monotonic() + 1.5
        while time.monotonic() < settled:
            time.sleep(settled - time.monotonic())
        before = switches(server.process.pid)
        time.sleep(IDLE_SECONDS)
        self.assertEqual(switches(server.process.pid) - before, 0)


tap.main()
