# SPDX-License-Identifier: MIT
"""Raw clients for attacks: nothing of ours encodes, checks or hides what they send."""

import contextlib
import http.client
import json
import socket
import struct
import urllib.parse

import msgpack

from tokens import mint
from websocket import BINARY, CLOSE, TEXT, Peer, frame

DEADLINE = 20
MANAGER = "*/workspace-manager"


def pack(value, wide=False):
    """MessagePack; wide: every head in its longest form, which no encoder writes."""
    if not wide:
        return msgpack.packb(value)
    if isinstance(value, dict):
        return b"\xdf" + struct.pack("!I", len(value)) + b"".join(
            pack(part, True) for item in value.items() for part in item)
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack("!I", len(value)) + b"".join(pack(item, True) for item in value)
    if isinstance(value, str):
        return b"\xdb" + struct.pack("!I", len(value.encode())) + value.encode()
    return msgpack.packb(value)


def pack_pairs(*pairs):
    """A map that may have a key twice."""
    return bytes([0x80 | len(pairs)]) + b"".join(pack(part) for pair in pairs for part in pair)


def unpack(data):
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, timestamp=0)
    unpacker.feed(data)
    return list(unpacker)


def merged(data):
    """What a stock client makes of a frame: the second map over the first, which was the context."""
    main, *extra = unpack(data)
    message = {**main, "ctx": dict(main)}
    if extra:
        message.update(extra[0])
    return message


class Client:
    """What sockets and pages have in common; `log` is every binary frame that came."""

    def start(self):
        self.log = []
        self.id = None
        self.count = 0

    def text(self, value):
        self.send_frame(TEXT, value if isinstance(value, bytes) else json.dumps(value).encode())

    def hello(self, **hello):
        self.text(hello)
        return self.greeting()

    def greeting(self):
        """The answer to the hello; None if the connection ended without one."""
        try:
            opcode, payload = self.receive()
        except (EOFError, OSError):
            return None
        if opcode != TEXT:
            return None
        info = json.loads(payload)
        if info["type"] == "connection_info":
            self.id = f"{info['workspace']}/{info['client_id']}"
        return info

    def raw(self, data):
        self.send_frame(BINARY, data)

    def message(self, main, extra=None, wide=False):
        self.raw(pack(main, wide) + (pack(extra, wide) if extra is not None else b""))

    def sync(self):
        """Everything sent so far has been dealt with, and what others sent before is in the log."""
        self.text({"type": "ping"})
        while True:
            opcode, payload = self.receive()
            if opcode == BINARY:
                self.log.append(payload)
            elif opcode == TEXT and json.loads(payload) == {"type": "pong"}:
                return self.log

    def serve(self, value="pong"):
        """The next frame, answered if somebody waits for the answer."""
        opcode, payload = self.receive()
        if opcode != BINARY:
            return None
        self.log.append(payload)
        message = merged(payload)
        session = message.get("session")
        if session:
            self.message({"type": "method", "to": message["from"], "method": f"{session}.resolve",
                          "parent": session}, {"args": [value]})
        return message

    def post(self, to, method, *args, **extra):
        """Sends a call; returns its session."""
        self.count += 1
        session = f"s{self.count}"
        self.message({"type": "method", "to": to, "method": method, "session": session},
                     {"args": list(args), "promise": "*", "t": 15, **extra})
        return session

    def answer(self, session):
        """("resolve" or "reject", value) of a call."""
        while True:
            opcode, payload = self.receive()
            if opcode != BINARY:
                continue
            self.log.append(payload)
            message = merged(payload)
            head, _, verb = str(message.get("method")).rpartition(".")
            if head == session and verb in ("resolve", "reject"):
                return verb, (message.get("args") or [None])[0]

    def call(self, to, method, *args, **extra):
        return self.answer(self.post(to, method, *args, **extra))

    def manager(self, method, *args, **extra):
        return self.call(MANAGER, f"services.default.{method}", *args, **extra)

    def register(self, service, visibility, **more):
        return self.manager("register_service", {"id": service, "name": service,
                                                 "config": {"visibility": visibility}, **more})


class Socket(Client, Peer):
    def __init__(self, port, headers=()):
        Peer.__init__(self, port, headers=headers)
        self.start()

    def send_frame(self, opcode, payload):
        self.send(frame(opcode, payload))

    def closed(self):
        """Whether the server has ended it; reads to the end, or to the answer to a ping."""
        try:
            self.text({"type": "ping"})
            while True:
                opcode, payload = self.receive()
                if opcode == CLOSE:
                    return True
                if opcode == TEXT and b"pong" in payload:
                    return False
        except (EOFError, OSError):
            return True


class Stream(Client):
    """A client of `transport: "http"`: hears over an answer that does not end, posts what it says."""

    def __init__(self, port, token, query):
        self.start()
        self.port = port
        self.bearer = {"Authorization": f"Bearer {token}"} if token else {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        self.connection.request("GET", "/rpc?" + urllib.parse.urlencode(query), headers=self.bearer)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        if self.status == 200:
            self.info = unpack(self.receive()[1])[0]
            self.id = f"{self.info['workspace']}/{self.info['client_id']}"
            query = {"client_id": self.info["client_id"], "workspace": self.info["workspace"]}
        else:
            self.info = {"type": "error", **json.loads(self.response.read())}
        self.path = "/rpc?" + urllib.parse.urlencode(query)

    def send_frame(self, opcode, payload):
        assert opcode == BINARY
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        connection.request("POST", self.path, payload, self.bearer)
        self.status = connection.getresponse().status
        connection.close()

    def receive(self):
        head = self.response.read(4)
        if len(head) < 4:
            raise EOFError
        return BINARY, self.response.read(struct.unpack("!I", head)[0])

    def sync(self):
        """As for the others, but by a call: there is no text here."""
        head = self.post(MANAGER, "services.default.echo", "sync")
        while True:
            payload = self.receive()[1]
            if str(merged(payload).get("method")).rpartition(".")[0] == head:
                return self.log
            self.log.append(payload)

    def ended(self):
        """Whether the server has ended it, in time; reads to the end."""
        try:
            while True:
                self.log.append(self.receive()[1])
        except TimeoutError:
            return False
        except (EOFError, OSError, http.client.HTTPException):
            return True

    def close(self):
        self.response.close()
        self.connection.close()


class Page(Client):
    """A page of a window that the host has just opened; who it is, is what the host says."""

    def __init__(self, port, workspace):
        self.start()
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.stream = self.socket.makefile("rb")
        self.socket.sendall(workspace.encode() + b"\n")
        self.given = self.stream.readline().decode().strip()
        assert self.given, "no window"

    def send_frame(self, opcode, payload):
        letter = b"T" if opcode == TEXT else b"B"
        self.socket.sendall(letter + struct.pack("!I", len(payload)) + payload)

    def receive(self):
        head = self.stream.read(5)
        if len(head) < 5:
            raise EOFError
        size, = struct.unpack("!I", head[1:])
        return TEXT if head[:1] == b"T" else BINARY, self.stream.read(size)

    def close(self):
        self.stream.close()
        self.socket.close()


class World:
    """A server, a victim in ws-a, and ways to attack it; all connections end with `close`."""

    def __init__(self, server):
        self.server = server
        self.stack = contextlib.ExitStack()
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.stack.close()

    def keep(self, client):
        self.stack.callback(client.close)
        return client

    def open(self, headers=()):
        """A socket that has said nothing yet."""
        return self.keep(Socket(self.server.port, headers))

    def socket(self, workspace="ws-c", subject="mallory", client=None, **claims):
        """A client with a good token of its own."""
        self.count += 1
        peer = self.open()
        info = peer.hello(client_id=client or f"m{self.count}",
                          token=mint(workspace, subject, **claims))
        assert info["type"] == "connection_info", info
        return peer

    def try_stream(self, token=None, **query):
        """One over HTTP; without an id if it was refused."""
        return self.keep(Stream(self.server.port, token, query))

    def stream(self, token=None, **query):
        stream = self.try_stream(token, **query)
        assert stream.id, stream.info
        return stream

    def nobody(self, way, workspace=None):
        """An anonymous client, by a socket or a stream."""
        if way != "stream":
            return self.anonymous(workspace)
        self.count += 1
        return self.stream(client_id=f"n{self.count}", **({"workspace": workspace} if workspace else {}))

    def anonymous(self, workspace=None):
        self.count += 1
        peer = self.open()
        info = peer.hello(client_id=f"n{self.count}", workspace=workspace)
        assert info["type"] == "connection_info", info
        return peer

    def blank_page(self, workspace="ws-c"):
        return self.keep(Page(self.server.pages, workspace))

    def page(self, workspace="ws-c"):
        page = self.blank_page(workspace)
        info = page.hello(client_id=page.given.split("/")[1])
        assert info["type"] == "connection_info", info
        return page

    def attacker(self, way, workspace="ws-c"):
        if way == "page":
            return self.page(workspace)
        return self.member(way, workspace)

    def member(self, way, workspace, subject="mallory", client=None):
        """A client with a good token, by a stream where that is the way, and else by a socket."""
        if way != "stream":
            return self.socket(workspace, subject, client)
        self.count += 1
        return self.stream(mint(workspace, subject), client_id=client or f"m{self.count}",
                           workspace=workspace)

    def victim(self, workspace="ws-a", client=None, way="socket"):
        """A stock client, with a service of every visibility, whose log tells what got to it."""
        self.count += 1
        victim = self.member(way, workspace, "alice", client or f"victim{self.count}")
        for visibility in ("public", "protected", "unlisted"):
            verb, value = victim.register(visibility, visibility)
            assert verb == "resolve", value
        assert victim.register("built-in", "public", type="built-in")[0] == "resolve"
        victim.log.clear()
        return victim

    def http(self, method, path, body=None, **headers):
        """Status, headers in lower case, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return (response.status, {name.lower(): value for name, value in response.getheaders()},
                    response.read())
        finally:
            connection.close()

    def post(self, path, value, **headers):
        return self.http("POST", path, json.dumps(value).encode(),
                         **{"Content_Type": "application/json", **headers})

    def manage(self, workspace, verb, args, token=None):
        """Status and answer of a call of the manager over HTTP, args by position or by name."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, _, body = self.post(f"/{workspace}/services/ws/{verb}", args, **headers)
        return status, json.loads(body)
