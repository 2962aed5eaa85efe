#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stock Python client: values, services, and being kept out."""

import math
import pathlib
import re

import numpy

import tap
from server import Server
from stock import StockTestCase
from tokens import mint

AT_ONCE = 1.0
MANUAL = pathlib.Path(__file__).parents[2] / "hypha-core/docs/manager.md"
VALUES = {
    "nothing": None,
    "truth": [True, False],
    "integers": [0, 1, -1, 127, -128, 255, 65536, -(2**31), 2**32, 2**53, -(2**53)],
    "floats": [0.5, -0.25, math.pi, 1e-300, -1e300, math.inf, -math.inf],
    "text": ["", "žluťoučký kůň — 日本語 — 🍄", "ä" * 70_000],
    "lists and maps": {"list": [1, [2, [3, [None]]]], "map": {"a": {"b": {"c": {}}}}},
    "odd keys": {"": 1, "with space": 2, "ключ": 3, "a.b:c/d@e": 4},
    "a long list": list(range(20_000)),
    "bytes": {"short": b"\x00\xff", "none": b"", "chunk": bytes(262_144)},
    "a megabyte": bytes(i & 0xFF for i in range(1_000_000)),
}


class Manager(StockTestCase):
    async def test_manual_has_every_method_and_its_arguments(self):
        client = await self.connect("ws-python")
        described = await client.rpc.get_remote_service("*/workspace-manager:default")
        offered = {}
        for name, member in described.items():
            if callable(member):
                parameters = member.__schema__["parameters"]["properties"]
                offered[name] = ", ".join(sorted(parameters))
        rows = re.findall(r"^\| `(\w+) \((.*?)\)` \|", MANUAL.read_text(encoding="utf-8"), re.M)
        written = {name: ", ".join(sorted(filter(None, arguments.split(", "))))
                   for name, arguments in rows}
        self.assertEqual(written, offered)


class Values(StockTestCase):
    async def asyncSetUp(self):
        self.client = await self.connect("ws-python")

    async def test_echo_of_the_core(self):
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertEqual(await self.client.echo(value), value)

    async def test_echo_of_another_client(self):
        provider = await self.connect("ws-python", client_id="mirror")
        await provider.register_service({"id": "mirror", "reflect": lambda value: value})
        mirror = await self.client.get_service("mirror")
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertEqual(await mirror.reflect(value), value)

    async def test_array(self):
        array = numpy.arange(60_000, dtype="float32").reshape(200, 300)
        answer = await self.client.echo(array)
        self.assertEqual(answer.dtype, array.dtype)
        self.assertTrue((answer == array).all())


class Services(StockTestCase):
    async def asyncSetUp(self):
        self.provider = await self.connect("ws-python", client_id="provider")
        self.consumer = await self.connect("ws-python", client_id="consumer")

    async def ids(self, client, *query):
        return [info["id"].split("@")[0] for info in await client.list_services(*query)]

    async def test_register_list_get_call_unregister(self):
        await self.provider.register_service({"id": "sum", "name": "Sum", "add": lambda a, b: a + b})
        self.assertIn("ws-python/provider:sum", await self.ids(self.consumer))
        service = await self.consumer.get_service("sum")
        self.assertEqual(await service.add(40, 2), 42)
        self.assertEqual(await service.add(40, b=2), 42)
        await self.provider.unregister_service("sum")
        self.assertNotIn("ws-python/provider:sum", await self.ids(self.consumer))

    async def test_callback_and_its_error(self):
        async def twice(callback):
            return await callback(await callback(1))

        async def no(_):
            raise ValueError("the caller says no")

        await self.provider.register_service({"id": "twice", "twice": twice})
        service = await self.consumer.get_service("twice")
        self.assertEqual(await service.twice(lambda value: value + 20), 41)
        self.assertIn("the caller says no", await self.refusal(service.twice(no)))

    async def test_generator(self):
        async def count(limit):
            for number in range(limit):
                yield number

        await self.provider.register_service({"id": "counter", "count": count})
        service = await self.consumer.get_service("counter")
        self.assertEqual([item async for item in await service.count(4)], [0, 1, 2, 3])

    async def test_error_arrives_with_its_message(self):
        def fail():
            raise ValueError("the sum is too long: 🍄")

        await self.provider.register_service({"id": "failing", "fail": fail})
        service = await self.consumer.get_service("failing")
        self.assertIn("the sum is too long: 🍄", await self.refusal(service.fail()))

    async def test_missing_service_is_none_at_once(self):
        for name in ("no-such-service", "ws-python/nobody:nothing"):
            value, seconds = await self.timed(self.consumer.get_service(name))
            self.assertIsNone(value)
            self.assertLess(seconds, AT_ONCE)

    async def test_call_to_a_client_that_has_gone_fails_at_once(self):
        passing = await self.connect("ws-python", client_id="passing")
        await passing.register_service({"id": "brief", "hello": lambda: "hello"})
        brief = await self.consumer.get_service("brief")
        self.assertEqual(await brief.hello(), "hello")
        await passing.disconnect()

        async def gone():
            return not [name for name in await self.ids(self.consumer) if "/passing:" in name]

        await self.until(gone, "the removal of the services")
        _, seconds = await self.timed(self.refusal(brief.hello()))
        self.assertLess(seconds, AT_ONCE)

    async def test_public_and_protected_across_workspaces(self):
        await self.provider.register_service(
            {"id": "open", "config": {"visibility": "public"}, "hello": lambda: "come in"})
        await self.provider.register_service({"id": "closed", "hello": lambda: "no"})
        stranger = await self.connect("ws-other")
        service = await stranger.get_service("ws-python/provider:open")
        self.assertEqual(await service.hello(), "come in")
        self.assertIn("ermission denied",
                      await self.refusal(stranger.get_service("ws-python/provider:closed")))

    async def test_long_message_to_another_workspace(self):
        await self.provider.register_service(
            {"id": "mirror", "config": {"visibility": "public"}, "show": lambda data: data})
        stranger = await self.connect("ws-other")
        service = await stranger.get_service("ws-python/provider:mirror")
        sent = bytes(range(256)) * 4096
        self.assertEqual(await service.show(sent), sent)

    async def test_context_tells_the_true_caller(self):
        def who(context=None):
            return [context["ws"], context["from"], context["user"]["id"]]

        await self.provider.register_service(
            {"id": "who", "config": {"visibility": "public", "require_context": True}, "who": who})
        stranger = await self.connect("ws-other", client_id="stranger")
        service = await stranger.get_service("ws-python/provider:who")
        self.assertEqual(await service.who(), ["ws-other", "ws-other/stranger", "alice"])


class Doors(StockTestCase):
    async def test_anonymous(self):
        client = await self.connect(None)
        self.assertTrue(client.config["workspace"].startswith("anonymous-"))
        self.assertTrue(client.config["user"]["is_anonymous"])

    async def test_refusals(self):
        attempts = {
            "forged": {"token": mint(secret="another secret, of the same good length")},
            "expired": {"token": mint(iat=1, exp=2)},
            "unsigned": {"token": mint(alg="none")},
            "no token": {"token": None},
            "another workspace": {"token": mint("ws-b")},
        }
        for name, options in attempts.items():
            with self.subTest(name):
                _, seconds = await self.timed(self.refusal(self.connect("ws-a", **options)))
                self.assertLess(seconds, 5)


class Sealed(StockTestCase):
    """A server that keeps encrypted messages inside their workspace."""

    async def asyncSetUp(self):
        server = Server("--host", "127.0.0.1", "--port", "0", "--refuse-encrypted")
        self.addCleanup(server.close)
        server.start()
        self.url = server.url

    async def connect_sealed(self, workspace):
        return await self.connect(workspace, server_url=self.url, encryption=True)

    async def test_encrypted_messages_stay(self):
        provider = await self.connect_sealed("ws-python")
        await provider.register_service(
            {"id": "safe", "config": {"visibility": "public"}, "size": lambda data: len(data)})
        name = f"ws-python/{provider.config['client_id']}:safe"
        key = {"encryption_public_key": provider.rpc.get_public_key()}
        neighbour = await self.connect_sealed("ws-python")
        stranger = await self.connect_sealed("ws-other")
        for size in (3, 300 * 1024):
            service = await neighbour.get_service(name, dict(key))
            self.assertEqual(await service.size(bytes(size)), size)
            # What is not encrypted goes where it did.
            self.assertEqual(await (await stranger.get_service(name)).size(bytes(size)), size)
            service = await stranger.get_service(name, dict(key))
            self.assertIn("ncrypted", await self.refusal(service.size(bytes(size))))


tap.main()
