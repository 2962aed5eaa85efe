#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stock Python client over plain HTTP: nothing works differently."""

import asyncio
import os

import tap
from stock import StockTestCase

WORKSPACE = "ws-http-python"
AT_ONCE = 1.0
MIB = 1024 * 1024


def service(name, **functions):
    return {"id": name, "config": {"visibility": "protected"}, **functions}


class HttpTransport(StockTestCase):
    async def connect_http(self, workspace=WORKSPACE, **options):
        return await self.connect(workspace, transport="http", **options)

    async def test_token(self):
        client = await self.connect_http(client_id="over-http")
        self.assertEqual(client.config["workspace"], WORKSPACE)
        self.assertEqual(client.config["client_id"], "over-http")
        self.assertEqual(client.config["user"]["id"], "alice")
        self.assertEqual(await client.echo({"a": [1, None, b"\0\xff"]}), {"a": [1, None, b"\0\xff"]})

    async def test_anonymous(self):
        client = await self.connect_http(None)
        self.assertRegex(client.config["workspace"], "^anonymous-")
        self.assertEqual(await client.echo("hello"), "hello")

    async def call_everything(self, provider, consumer):
        async def call(function):
            return await function(20)

        def fail():
            raise ValueError("as it should")

        async def count(n):
            for i in range(n):
                yield i

        await provider.register_service(service(
            "everything", add=lambda a, b: a + b, call=call, fail=fail, count=count,
            same=lambda value: value))
        remote = await consumer.get_service("everything")
        self.assertEqual(await remote.add(2, 3), 5)
        self.assertEqual(await remote.add(a=2, b=3), 5)
        self.assertEqual(await remote.call(lambda x: x * 2), 40)
        self.assertIn("as it should", await self.refusal(remote.fail()))
        self.assertEqual([i async for i in await remote.count(5)], [0, 1, 2, 3, 4])
        for size in (300 * 1024, 64 * MIB):
            data = os.urandom(size)
            self.assertTrue(await remote.same(data) == data, size)
        sums = await asyncio.gather(*(remote.add(i, i) for i in range(50)))
        self.assertEqual(sums, [2 * i for i in range(50)])
        await provider.unregister_service("everything")

    async def test_http_serves_a_websocket(self):
        await self.call_everything(await self.connect_http(), await self.connect(WORKSPACE))

    async def test_a_websocket_serves_http(self):
        await self.call_everything(await self.connect(WORKSPACE), await self.connect_http())

    async def test_the_token_for_coming_back_is_renewed(self):
        client = await self.connect_http()
        connection = client.rpc._connection
        first = connection._reconnection_token
        self.assertTrue(first)

        async def renewed():
            return connection._reconnection_token != first

        await self.until(renewed, "a new token")

    async def test_who_leaves_is_gone_at_once(self):
        provider = await self.connect_http()
        consumer = await self.connect_http()
        await provider.register_service(service("short-lived", wait=asyncio.Event().wait))
        remote = await consumer.get_service("short-lived")
        waiting = asyncio.ensure_future(remote.wait())
        await consumer.echo("the call is under way")
        await provider.disconnect()
        _, seconds = await self.timed(asyncio.wait([waiting]))
        self.assertIsNotNone(waiting.exception())
        self.assertLess(seconds, AT_ONCE)


tap.main()
