#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the core answers to plain HTTP."""

import asyncio
import http.client
import json
import os
import pathlib
import urllib.parse

import tap
from stock import URL, StockTestCase
from tokens import mint

PORT = urllib.parse.urlsplit(URL).port


def ask(path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


class Http(StockTestCase):
    async def ask(self, *args, **headers):
        return await asyncio.to_thread(ask, *args, **headers)

    async def services(self, token=None, workspace="ws-http"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, headers, body = await self.ask(f"/{workspace}/services", **headers)
        self.assertEqual(status, 200, body)
        self.assertEqual(headers.get_content_type(), "application/json")
        names = (service["id"].split(":")[-1].split("@")[0] for service in json.loads(body))
        return {name for name in names if name not in ("built-in", "default")}

    async def test_health(self):
        status, headers, body = await self.ask("/health")
        self.assertEqual(status, 200)
        self.assertEqual(headers.get_content_type(), "application/json")
        answer = json.loads(body)
        self.assertEqual(answer["status"], "OK")
        self.assertIn("T", answer["timestamp"])

    async def test_client_library(self):
        """Pages get it from the server, as it was fetched."""
        built_in = pathlib.Path(os.environ["HYPHA_FETCHED_DIR"], "npm/node_modules/hypha-rpc/dist")
        for suffix in ("js", "mjs"):
            with self.subTest(suffix):
                status, headers, body = await self.ask(f"/assets/hypha-rpc-websocket.{suffix}")
                self.assertEqual(status, 200)
                self.assertEqual(headers.get_content_type(), "text/javascript")
                self.assertEqual(body, (built_in / f"hypha-rpc-websocket.min.{suffix}").read_bytes())

    async def test_unknown_path(self):
        for path in ("/nothing", "/", "/ws-http/nothing/here", "/%2e%2e/%2e%2e/etc/passwd"):
            with self.subTest(path):
                self.assertEqual((await self.ask(path))[0], 404)

    async def test_socket_path_without_an_upgrade(self):
        self.assertGreaterEqual((await self.ask("/ws"))[0], 400)

    async def test_services_by_who_asks(self):
        provider = await self.connect("ws-http", client_id="provider")
        for visibility in ("public", "protected", "unlisted"):
            await provider.register_service(
                {"id": visibility, "config": {"visibility": visibility}, "hello": lambda: "hello"})
        self.assertEqual(await self.services(), {"public"})
        self.assertEqual(await self.services(mint("ws-http")), {"public", "protected"})
        self.assertEqual(await self.services(mint("ws-other")), {"public"})
        self.assertEqual(await self.services(mint("ws-http", secret="forged " * 8)), {"public"})
        self.assertEqual(await self.services(mint("ws-http", alg="none")), {"public"})
        self.assertEqual(await self.services(mint("ws-http", iat=1, exp=2)), {"public"})
        self.assertEqual(await self.services("nonsense"), {"public"})
        self.assertEqual((await self.ask("/ws-empty/services"))[0], 404)

    async def test_a_foreign_page_is_not_allowed_to_read(self):
        for path in ("/health", "/ws-http/services"):
            with self.subTest(path):
                _, headers, _ = await self.ask(path, Origin="https://evil.example")
                self.assertNotIn(headers.get("Access-Control-Allow-Origin"),
                                 ("*", "https://evil.example"))

    async def test_another_host_name_is_refused(self):
        status, _, _ = await self.ask("/ws-http/services", Host="evil.example")
        self.assertIn(status, (400, 403, 421))

    async def test_methods_that_are_none(self):
        for method in ("DELETE", "PATCH", "BREW"):
            with self.subTest(method):
                self.assertGreaterEqual((await self.ask("/ws-http/services", method))[0], 400)


tap.main()
