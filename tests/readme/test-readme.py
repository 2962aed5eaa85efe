#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs everything that README.md shows, as it stands there."""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import tap

SOURCE = pathlib.Path(os.environ["HYPHA_SOURCE_ROOT"])
FETCHED = pathlib.Path(os.environ["HYPHA_FETCHED_DIR"])
README = (SOURCE / "README.md").read_text(encoding="utf-8")
TYPELIB = SOURCE / "_build/hypha-core/Hypha-1.0.typelib"
STRICT = bool(os.environ.get("HYPHA_TESTS_STRICT"))
DEFAULT_PORT = 9527
DEADLINE = 120
PAGE_DEADLINE = 30
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)]+)\)")
PLUGIN_COMMAND = "build-aux/run -- examples/hello.imjoy.html"
CURL_COMMAND = "curl 'http://127.0.0.1:9527/desktop/services/default/greet?name=curl'"


def blocks(language):
    return [text for kind, text in BLOCK.findall(README) if kind == language]


def commands():
    lines = "".join(blocks("sh")).splitlines()
    return [line.split("#")[0].strip() for line in lines if line.strip()]


def without_display():
    env = dict(os.environ)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        env.pop(name, None)
    return env


def run(*command, env=None, cwd=SOURCE):
    done = subprocess.run(command, env=env or without_display(), cwd=cwd, timeout=DEADLINE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Readme(unittest.TestCase):
    def test_fits_on_a_screen(self):
        self.assertLess(len(README.splitlines()), 72)

    def test_links_lead_somewhere(self):
        for link in LINK.findall(README):
            if not link.startswith("https://"):
                with self.subTest(link):
                    self.assertTrue((SOURCE / link).is_file())

    def test_no_block_is_left_out(self):
        self.assertEqual({kind for kind, _ in BLOCK.findall(README)}, {"sh", "python", "js"})
        self.assertEqual(sorted(commands()),
                         sorted(["build-aux/run", "build-aux/test", PLUGIN_COMMAND, CURL_COMMAND,
                                 "/usr/bin/meson devenv -C _build hypha serve --help",
                                 "/usr/bin/meson devenv -C _build /usr/bin/python3 "
                                 "../examples/call-service.py"]))

    def test_run(self):
        self.assertIn("demo: everything worked", run("sh", "-c", "build-aux/run"))

    def test_test(self):
        # It is what runs this very test, so all that is left to see is that it is there to be run.
        self.assertTrue(os.access(SOURCE / "build-aux/test", os.X_OK))
        run("sh", "-n", "build-aux/test")

    def test_serve(self):
        [command] = [line for line in commands() if "hypha serve" in line]
        self.assertIn("--port", run("sh", "-c", command))

    @unittest.skipUnless(TYPELIB.exists() or STRICT, "built without introspection")
    def test_library(self):
        [command] = [line for line in commands() if "call-service" in line]
        self.assertIn("the core says: hello", run("sh", "-c", command))


class Clients(unittest.TestCase):
    """The two clients, with the sample plugin open in the app on its usual port."""

    @classmethod
    def setUpClass(cls):
        cls.refuse_taken_port()
        cls.app = subprocess.Popen(
            ["dbus-run-session", "--", "xvfb-run", "-a", "-s",
             "-screen 0 1280x1024x24 -nolisten tcp", "sh", "-c", PLUGIN_COMMAND],
            cwd=SOURCE, env={**without_display(), "GDK_BACKEND": "x11", "GSK_RENDERER": "cairo"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        cls.addClassCleanup(cls.stop)
        cls.await_line(b"hypha-desktop: listening on ")

    @staticmethod
    def refuse_taken_port():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", DEFAULT_PORT))
            except OSError:
                if STRICT:
                    raise
                raise unittest.SkipTest(f"port {DEFAULT_PORT} is taken on this machine") from None

    @classmethod
    def await_line(cls, beginning):
        deadline = time.monotonic() + DEADLINE
        seen = b""
        while not re.search(rb"^" + re.escape(beginning), seen, re.M):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([cls.app.stdout], [], [], left)[0]:
                raise AssertionError(f"nothing after {DEADLINE} s but {seen!r}")
            data = os.read(cls.app.stdout.fileno(), 4096)
            if not data:
                raise AssertionError(f"the app ended after {seen!r}")
            seen += data

    @classmethod
    def stop(cls):
        os.killpg(cls.app.pid, signal.SIGTERM)
        try:
            cls.app.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(cls.app.pid, signal.SIGKILL)
            cls.app.wait()
        cls.app.stdout.close()

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hypha-readme-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def script(self, language, name):
        [text] = blocks(language)
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def answer(self, *command):
        """What the program prints, once the plugin is there: its page takes a moment."""
        deadline = time.monotonic() + PAGE_DEADLINE
        while True:
            try:
                return run(*command, env=dict(os.environ), cwd=self.directory)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def test_python(self):
        output = self.answer(str(FETCHED / "venv/bin/python"), self.script("python", "client.py"))
        # The stock client logs to stdout as well, with the level first.
        self.assertRegex(output, r"(?m)^(?![A-Z]+:).*Python")

    def test_curl(self):
        # By itself curl calls every answer a success; the plugin may not be there yet.
        output = self.answer("sh", "-c", CURL_COMMAND.replace("curl ", "curl --fail --silent ", 1))
        self.assertEqual(output, '"Hello, curl!"')

    def test_javascript(self):
        (self.directory / "node_modules").symlink_to(FETCHED / "npm/node_modules")
        preload = (SOURCE / "build-aux/demo/preload.mjs").as_uri()
        output = self.answer("node", "--import", preload, self.script("js", "client.mjs"))
        self.assertRegex(output, r"(?m)^.*JavaScript")


tap.main()
