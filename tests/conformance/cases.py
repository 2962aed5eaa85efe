# SPDX-License-Identifier: MIT
"""Cases of RFC 6455, one test with a name each, and the client that they are played with.

A message has no echo of its own here. A binary one goes to its sender through the router; a text of
up to 1,000 bytes is a ping of the application in disguise; and of what is ignored it is said that the
connection still answers a ping behind it.
"""

import json
import os
import socket
import struct
import sys
import unittest
import urllib.parse

import tap
from websocket import BINARY, CLOSE, PING, PONG, TEXT, Peer, frame

CONTINUATION = 0
NORMAL, PROTOCOL_ERROR, UNSUPPORTED, BAD_DATA, TOO_BIG = 1000, 1002, 1003, 1007, 1009
KIB, MIB = 1 << 10, 1 << 20
MAX_CONTROL_TEXT = 1000
PORT = urllib.parse.urlsplit(os.environ["HYPHA_URL"]).port
# An event to the client itself: the whole of the first segment.
EVENT = b"\x82\xa4type\xa1e\xa2to\xa1c"


def close(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def event(size):
    """A message of so many bytes for its own sender."""
    body = b"\x81\xa4data\xc6"
    room = size - len(EVENT) - len(body) - 4
    return EVENT + body + struct.pack("!I", room) + os.urandom(min(room, KIB)).ljust(room, b"*")


def app_ping(size=0, text=""):
    """A text that is answered with APP_PONG, of at least so many bytes."""
    data = json.dumps({"text": text, "type": "ping"} if text else {"type": "ping"}, ensure_ascii=False)
    return data.encode().ljust(size)


def fragments(opcode, payload, size, between=b""):
    """A message in frames of so many bytes each, with something between each two of them."""
    pieces = [payload[i:i + size] for i in range(0, len(payload), size)]
    return between.join(frame(opcode if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1)
                        for i, piece in enumerate(pieces))


class Client(Peer):
    """Connected, and a client of the core unless told otherwise."""

    def __init__(self, *, join=True, **options):
        super().__init__(PORT, **options)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if join:
            self.send(frame(TEXT, b'{"client_id": "c"}'))
            self.expect_info()

    def expect_info(self):
        opcode, payload = self.receive()
        assert opcode == TEXT and json.loads(payload)["type"] == "connection_info", payload

    def send(self, data, chop=None):
        for i in range(0, len(data), chop or max(1, len(data))):
            super().send(data[i:i + chop] if chop else data)

    def expect(self, opcode, payload):
        received = self.receive()
        assert received == (opcode, payload), f"{received[0]}: {received[1][:100]}"

    def expect_app_pong(self):
        opcode, payload = self.receive()
        assert opcode == TEXT and json.loads(payload) == {"type": "pong"}, (opcode, payload[:100])

    def expect_event(self, sent):
        """The event comes back with a stamped first segment and its second as it was."""
        opcode, payload = self.receive()
        assert opcode == BINARY and payload.endswith(sent[len(EVENT):]), (opcode, payload[:100])
        assert b"\xa4from" in payload[:-len(sent) + len(EVENT)], payload[:100]

    def expect_alive(self):
        """Nothing has come that was not expected, and the server still answers."""
        payload = os.urandom(8)
        self.send(frame(PING, payload))
        self.expect(PONG, payload)

    def expect_end(self):
        """The server closes the connection, and has nothing more to say before."""
        try:
            received = self.receive()
        except EOFError:
            return
        raise AssertionError(f"{received[0]} after the end: {received[1][:100]}")

    def expect_close(self, code, answer=False):
        """The server says this code, with a reason that is text; a close of its own wants an answer."""
        opcode, payload = self.receive()
        assert opcode == CLOSE, (opcode, payload[:100])
        received = struct.unpack("!H", payload[:2])[0] if payload else None
        assert received == code, f"close code {received} instead of {code}"
        payload[2:].decode()
        if answer:
            self.send(frame(CLOSE, payload))
        self.expect_end()


class Case(unittest.TestCase):
    """One case: a function that is given a client."""

    def __init__(self, number, title, play, join):
        super().__init__("run_case")
        self.title = f"{number} {title}"
        self.play = play
        self.join = join

    def id(self):
        return "conformance." + self.title

    def run_case(self):
        client = Client(join=self.join)
        self.addCleanup(client.close)
        self.play(client)


suite = unittest.TestSuite()


def add(number, title, play, *args, join=True, **options):
    """Registers a case that is a call with these arguments."""
    suite.addTest(Case(number, title, lambda client: play(client, *args, **options), join))


def case(number, title, **options):
    """Registers a case that is a function of its own."""
    def register(play):
        add(number, title, play, **options)
        return play
    return register


def fails(client, data, code=PROTOCOL_ERROR, chop=None):
    """What is sent ends the connection with that code, and nothing comes before."""
    client.send(data, chop)
    client.expect_close(code)


def main():
    result = tap.TapResult()
    suite.run(result)
    print(f"1..{result.count}", flush=True)
    sys.exit(0 if result.wasSuccessful() else 1)
