#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Malformed and hostile traffic on bare sockets: it ends at most its own peer.

A stock client works beside every case, and must keep working after it.
"""

import asyncio
import json
import os
import socket
import struct
import urllib.parse

import msgpack

import tap
from stock import URL, StockTestCase
from websocket import BINARY, CLOSE, PING, PONG, TEXT, Peer, frame

PORT = urllib.parse.urlsplit(URL).port
GIBIBYTE = 1 << 30
FLOOD_MIB = 256
PROTOCOL_ERROR, UNSUPPORTED, INVALID_TEXT, TOO_BIG = 1002, 1003, 1007, 1009

FATAL = {
    "an unknown opcode": (frame(3, b"x"), PROTOCOL_ERROR),
    "an unknown control opcode": (frame(11, b"x"), PROTOCOL_ERROR),
    "an unmasked frame": (frame(TEXT, b'{"type": "ping"}', masked=False), PROTOCOL_ERROR),
    "a reserved bit": (frame(TEXT, b"x", reserved=4), PROTOCOL_ERROR),
    "a continuation of nothing": (frame(0, b"x"), PROTOCOL_ERROR),
    "a message within a message":
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), PROTOCOL_ERROR),
    "a ping in fragments": (frame(PING, b"x", fin=False), PROTOCOL_ERROR),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), PROTOCOL_ERROR),
    "a close of one byte": (frame(CLOSE, b"x"), PROTOCOL_ERROR),
    "a close with a forbidden code": (frame(CLOSE, struct.pack("!H", 1005)), PROTOCOL_ERROR),
    "text that is not UTF-8": (frame(TEXT, b"\xff\xfe\xfd"), INVALID_TEXT),
    "a frame that claims a gibibyte": (frame(BINARY, b"", length=GIBIBYTE), TOO_BIG),
    "a frame that claims more than there can be":
        (frame(BINARY, b"", length=1 << 63), PROTOCOL_ERROR),
}

GARBAGE = {
    "nothing": b"",
    "noise": os.urandom(1000),
    "a number": msgpack.packb(1),
    "a list": msgpack.packb([{}]),
    "an empty map": msgpack.packb({}),
    "a type that never was": b"\xc1",
    "half a map": msgpack.packb({"type": "method", "to": "*/workspace-manager"})[:-3],
    "a map that claims 4 billion entries": b"\xdf\xff\xff\xff\xff",
    "text that claims 4 GB": b"\x81\xdb\xff\xff\xff\xff",
    "a thousand levels": b"\x91" * 1000,
    "numbers where text belongs": msgpack.packb({"type": 1, "to": 2, "from": 3, "method": 4}),
    "no target": msgpack.packb({"type": "method", "method": "services.default.echo"}),
    "text that is not UTF-8": b"\x82\xa4type\xa2\xff\xfe\xa2to\xa1*",
    "a second map that is none":
        msgpack.packb({"type": "method", "to": "*/workspace-manager", "session": "s",
                       "method": "services.default.echo"}) + b"\xc1",
    "an echo without arguments":
        msgpack.packb({"type": "method", "to": "*/workspace-manager", "session": "s",
                       "method": "services.default.echo"}) + msgpack.packb({"args": 7}),
}


def resident():
    """Resident memory of the server in KiB."""
    with open(f"/proc/{os.environ['HYPHA_SERVER_PID']}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Beside(StockTestCase):
    """With a stock client that must not notice anything."""

    async def asyncSetUp(self):
        self.witness = await self.connect("ws-raw")

    async def peer(self, **options):
        peer = await asyncio.to_thread(Peer, PORT, **options)
        self.addCleanup(peer.close)
        return peer

    async def joined(self, **more):
        peer = await self.peer()
        info = await asyncio.to_thread(peer.join, **more)
        self.assertEqual(info["type"], "connection_info", info)
        return peer

    async def asyncTearDown(self):
        self.assertEqual(await asyncio.wait_for(self.witness.echo("unharmed"), 5), "unharmed")


class Frames(Beside):
    async def answers(self, prepare):
        """The close code that each fatal frame gets from a peer of its own, all at once."""
        async def one(data):
            peer = await prepare()
            await asyncio.to_thread(peer.send, data)
            return await asyncio.to_thread(peer.closing)

        codes = await asyncio.gather(*(one(data) for data, _ in FATAL.values()))
        return dict(zip(FATAL, codes))

    async def test_broken_frames_close_their_peer_with_the_right_code(self):
        for name, code in (await self.answers(self.joined)).items():
            with self.subTest(name):
                self.assertEqual(code, FATAL[name][1])

    async def test_broken_frames_before_the_handshake(self):
        for name, code in (await self.answers(self.peer)).items():
            with self.subTest(name):
                self.assertIn(code, (FATAL[name][1], UNSUPPORTED))

    async def test_a_peer_that_does_not_say_goodbye_is_cut_off(self):
        peer = await self.joined()
        await asyncio.to_thread(peer.send, FATAL["an unknown opcode"][0])
        opcode, _ = await asyncio.to_thread(peer.receive)
        self.assertEqual(opcode, CLOSE)
        with self.assertRaises((EOFError, ConnectionResetError)):
            await asyncio.to_thread(peer.receive)

    async def test_a_frame_cut_off_by_the_end_of_the_connection(self):
        for cut in (1, 2, 5, 20):
            with self.subTest(cut=cut):
                peer = await self.joined()
                await asyncio.to_thread(peer.send, frame(BINARY, bytes(1000))[:cut])
                peer.close()

    async def test_a_connection_that_is_reset(self):
        peer = await self.joined()
        peer.send(frame(BINARY, bytes(1000))[:500])
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    async def test_a_frame_that_comes_byte_by_byte(self):
        peer = await self.joined()
        for byte in frame(TEXT, b'{"type": "ping"}'):
            await asyncio.to_thread(peer.send, bytes([byte]))
        self.assertEqual(json.loads((await asyncio.to_thread(peer.receive))[1]), {"type": "pong"})

    async def test_fragments_with_a_ping_between(self):
        peer = await self.joined()
        await asyncio.to_thread(
            peer.send, frame(TEXT, b'{"type"', fin=False) + frame(PING, b"now")
            + frame(0, b': "ping"', fin=False) + frame(0, b"}"))
        self.assertEqual(await asyncio.to_thread(peer.receive), (PONG, b"now"))
        self.assertEqual(json.loads((await asyncio.to_thread(peer.receive))[1]), {"type": "pong"})

    async def test_fragments_without_end_are_cut_off(self):
        peer = await self.joined()
        before = resident()

        def flood():
            try:
                peer.send(frame(BINARY, bytes(1 << 20), fin=False))
                for _ in range(FLOOD_MIB):
                    peer.send(frame(0, bytes(1 << 20), fin=False))
            except (BrokenPipeError, ConnectionResetError):
                pass
            return peer.closing()

        self.assertIn(await asyncio.to_thread(flood), (TOO_BIG, None))
        if "HYPHA_SANITIZED" not in os.environ:
            self.assertLess(resident() - before, FLOOD_MIB * 1024 // 4)

    async def test_close_is_answered_with_its_code(self):
        peer = await self.joined()
        await asyncio.to_thread(peer.send, frame(CLOSE, struct.pack("!H", 1000) + b"bye"))
        self.assertEqual(await asyncio.to_thread(peer.closing), 1000)


class Messages(Beside):
    async def test_garbage_messagepack_is_ignored_or_refused(self):
        for name, data in GARBAGE.items():
            with self.subTest(name):
                peer = await self.joined()
                await asyncio.to_thread(peer.send, frame(BINARY, data) + frame(TEXT, b'{"type": "ping"}'))
                opcode, payload = await asyncio.to_thread(peer.receive)
                while opcode == BINARY:
                    opcode, payload = await asyncio.to_thread(peer.receive)
                self.assertEqual((opcode, json.loads(payload)), (TEXT, {"type": "pong"}))

    async def test_control_text_that_means_nothing(self):
        peer = await self.joined()
        for text in (b"", b"{", b"[]", b"7", b'{"type": 7}', b'{"type": "unknown"}', b"x" * 100_000):
            await asyncio.to_thread(peer.send, frame(TEXT, text))
        self.assertTrue(await asyncio.to_thread(peer.ping))

    async def test_garbage_instead_of_a_handshake(self):
        cases = {"binary": (frame(BINARY, b"\x80"), UNSUPPORTED),
                 "no JSON": (frame(TEXT, b"hello"), UNSUPPORTED),
                 "an empty map": (frame(TEXT, b"{}"), 1001),
                 "null": (frame(TEXT, b"null"), 1001),
                 "a list": (frame(TEXT, b"[]"), 1001),
                 "wrong types": (frame(TEXT, b'{"workspace": 7, "client_id": []}'), 1001)}
        for name, (data, code) in cases.items():
            with self.subTest(name):
                peer = await self.peer()
                await asyncio.to_thread(peer.send, data)
                opcode, payload = await asyncio.to_thread(peer.receive)
                self.assertEqual((opcode, json.loads(payload)["type"]), (TEXT, "error"))
                self.assertEqual(await asyncio.to_thread(peer.closing), code)

    async def test_client_ids_that_are_none(self):
        for name in ("a/b", "*", "a:b", "a@b", "x" * 1000, "workspace-manager"):
            with self.subTest(name):
                peer = await self.peer()
                answer = await asyncio.to_thread(peer.join, client_id=name)
                self.assertEqual(answer["type"], "error")

    async def test_foreign_origins_and_hosts_are_refused(self):
        for header in ("Origin: https://evil.example", "Origin: null"):
            with self.subTest(header):
                self.assertEqual((await self.peer(headers=[header])).status, 403)


class Forgery(Beside):
    """What a peer says of itself in a message is not believed."""

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.touched = []

        self.provider = await self.connect("ws-a", client_id="provider")
        for name, visibility in (("secret", "protected"), ("open", "public")):
            # A function each: the client keeps the visibility by function.
            def touch(context=None):
                self.touched.append(context["from"])
                return context["from"]

            await self.provider.register_service(
                {"id": name, "touch": touch,
                 "config": {"visibility": visibility, "require_context": True}})

    async def call(self, peer, service, main=(), extra=()):
        head = {"type": "method", "from": "ws-a/provider", "to": "ws-a/provider", "session": "s1",
                "method": f"services.{service}.touch", "ws": "ws-a",
                "user": {"id": "root", "is_anonymous": False}, **dict(main)}
        tail = {"args": [], **dict(extra)}
        await asyncio.to_thread(
            peer.send, frame(BINARY, msgpack.packb(head) + msgpack.packb(tail)))
        # By the time that the answer to a ping is here, the call has been passed on.
        await asyncio.to_thread(peer.send, frame(TEXT, b'{"type": "ping"}'))
        answers = []
        while (received := await asyncio.to_thread(peer.receive))[0] == BINARY:
            answers.append(received[1])
        await self.witness.get_service("ws-a/provider:open")
        return answers

    async def test_the_sender_is_stamped(self):
        peer = await self.joined(client_id="forger")
        await self.call(peer, "open")

        async def touched():
            return self.touched

        self.assertEqual(await self.until(touched, "the call"), ["ws-raw/forger"])

    async def test_a_protected_method_is_not_called_from_elsewhere(self):
        peer = await self.joined(client_id="forger")
        await self.call(peer, "secret")
        self.assertEqual(self.touched, [])

    async def test_the_second_map_cannot_replace_the_first(self):
        forged = {"from": "ws-a/provider", "ws": "ws-a", "to": "ws-a/provider",
                  "user": {"id": "root"}, "type": "method", "method": "services.secret.touch",
                  "ctx": {"ws": "ws-a", "from": "ws-a/provider", "user": {"id": "root"}}}
        for key, value in forged.items():
            with self.subTest(key):
                peer = await self.joined(client_id="forger-" + key)
                await self.call(peer, "secret", extra={key: value})
                self.assertEqual(self.touched, [])

    async def test_a_stranger_cannot_speak_for_the_manager(self):
        peer = await self.joined(client_id="forger")
        for kind in ("force-exit", "peer_not_found", "client_disconnected", "service_removed"):
            message = {"type": kind, "from": "*/workspace-manager", "to": "ws-a/provider",
                       "reason": "go", "data": {"id": "provider", "workspace": "ws-a"}}
            await asyncio.to_thread(peer.send, frame(BINARY, msgpack.packb(message)))
        self.assertTrue(await asyncio.to_thread(peer.ping))
        service = await self.provider.get_service("open")
        self.assertEqual(await service.touch(), "ws-a/provider")


tap.main()
