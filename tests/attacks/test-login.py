#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Logins that somebody tries to come by without the person at the machine (docs/security.md)."""

import json
import re
import subprocess
import unittest

import tap
from raw import World
from server import SECRET, Server, environment, program
from tokens import mint

DESK = "public/hypha-login"
OF_CLIENT = 4
OF_ADDRESS = 16
# By itself: within the id of a client, a part of a UUID may look like one.
CODE = re.compile(r"(?<![\w-])[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}(?![\w-])")


class Logins(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.close)
        self.world = World(self.server)
        self.addCleanup(self.world.stack.close)

    def desk(self, peer, method, *arguments):
        return peer.call(DESK, f"services.hypha-login.{method}", *arguments)

    def begin(self, peer):
        verb, context = self.desk(peer, "start")
        self.assertEqual(verb, "resolve", context)
        return context

    def waiting(self):
        done = subprocess.run([program(), "login", "--port", str(self.server.port)], check=True,
                              env=environment(self.server.home.name, SECRET), timeout=20,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return CODE.findall(done.stdout)

    def assert_refused(self, peer, method, *arguments):
        verb, value = self.desk(peer, method, *arguments)
        self.assertEqual(verb, "reject", value)
        self.assertNotIn("eyJ", json.dumps(value, default=str))
        return value

    def test_keys_of_others_and_guesses(self):
        owner = self.world.anonymous()
        context = self.begin(owner)
        thief = self.world.socket(client=owner.id.split("/")[1])
        key = context["key"]
        answers = {str(self.assert_refused(thief, "check", guess, 0)["_rvalue"]) for guess in
                   (key, key[:-1], key + "A", key.swapcase(), "", context["code"], "*")}
        self.assertEqual(len(answers), 1)
        for wrong in (None, 1, [key], {"key": key}, key.encode(), True):
            self.assert_refused(thief, "check", wrong, 0)
        self.assertEqual(self.desk(owner, "check", key, 0), ("resolve", None))

    def test_report(self):
        owner = self.world.anonymous()
        context = self.begin(owner)
        for peer in (owner, self.world.socket("desktop"), self.world.socket("ws-a", "root")):
            self.assert_refused(peer, "report", context["key"], mint("desktop"))
            self.assert_refused(peer, "report", context["code"], True)
        self.assertEqual(self.desk(owner, "check", context["key"], 0), ("resolve", None))

    def test_flood(self):
        one = self.world.anonymous()
        for _ in range(OF_CLIENT):
            self.begin(one)
        for _ in range(20):
            self.assert_refused(one, "start")
        others = [self.world.anonymous() for _ in range(OF_ADDRESS)]
        verbs = [self.desk(other, "start")[0] for other in others]
        self.assertEqual(verbs.count("resolve"), OF_ADDRESS - OF_CLIENT)
        self.assertEqual(len(self.waiting()), OF_ADDRESS)
        one.close()
        for other in others:
            other.close()
        self.begin(self.world.anonymous())
        self.assertEqual(len(self.waiting()), 1)

    def test_a_name_that_is_reserved(self):
        peer = self.world.open()
        info = peer.hello(client_id="hypha-login", workspace="public")
        self.assertTrue(info is None or info["type"] == "error", info)
        guest = self.world.anonymous("public")
        self.assertEqual(guest.register("hypha-login", "public")[0], "reject")

    def test_workspaces_of_others(self):
        peer = self.world.anonymous()
        for workspace in ("ws-a", "ws-user-alice", "default", "public", "*", "desktop/../ws-a"):
            self.assert_refused(peer, "start", workspace)

    def test_confirming_over_http(self):
        owner = self.world.anonymous()
        context = self.begin(owner)
        path = f"/login/decide?agree=true&code={context['code']}"
        tokens = [None, mint("desktop"), mint("default", "root"), context["key"], SECRET,
                  mint("desktop", scope=f"port:{self.server.port}")]
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            self.assertEqual(self.world.http("POST", path, b"", **headers)[0], 401)
            status, _, body = self.world.http("GET", "/login/waiting", **headers)
            self.assertEqual(status, 401)
            self.assertNotIn(context["code"].encode(), body)
        self.assertEqual(self.world.http("POST", f"/login?key={context['key']}", b"agree=true")[0], 405)
        self.assertEqual(self.desk(owner, "check", context["key"], 0), ("resolve", None))

    def test_neither_key_nor_token_is_logged(self):
        owner = self.world.anonymous()
        context = self.begin(owner)
        command = [program(), "login", "--port", str(self.server.port), context["code"]]
        subprocess.run(command, check=True, env=environment(self.server.home.name, SECRET),
                       timeout=20, stdin=subprocess.DEVNULL, capture_output=True)
        verb, token = self.desk(owner, "check", context["key"], 5)
        self.assertEqual(verb, "resolve")
        self.assert_refused(owner, "check", context["key"], 0)
        self.assertEqual(self.server.stop(), 0)
        log = self.server.stderr()
        self.assertIn(context["code"], log)
        for secret in (context["key"], token, "eyJ"):
            self.assertNotIn(secret, log)


tap.main()
