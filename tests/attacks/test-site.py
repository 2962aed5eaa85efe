#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Foreign pages, floods, the network behind the server and what errors tell: H23 to H26."""

import os
import re
import select
import socket
import sys

from harness import INSIDE, NOT_FETCHED, attack, check, main
from raw import MANAGER
from websocket import BINARY, frame


@attack("H23", "http", "a foreign page that reads answers")
def _(world, way):
    world.victim()
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "file://",
                   "http://localhost.evil.example:9527"):
        for method in ("GET", "POST", "OPTIONS", "PUT"):
            for path in ("/health", "/ws-a/services", "/ws-a/services/ws/echo", "/ws-a/apps/x/"):
                _, headers, _ = world.http(method, path, Origin=origin,
                                           Access_Control_Request_Method="POST")
                allowed = headers.get("access-control-allow-origin")
                check(allowed not in ("*", origin), (method, path, headers))
                check(not (allowed and headers.get("access-control-allow-credentials")), headers)


@attack("H23", "socket", "a foreign page that connects")
def _(world, way):
    for header in ("Origin: https://evil.example", "Origin: null", "Origin: http://127.0.0.1.evil.example"):
        check(world.open([header]).status == 403)


@attack("H23", "http", "a name that resolves to this machine")
def _(world, way):
    status, _, body = world.http("GET", "/ws-a/services", Host="evil.example")
    check(status in (400, 403, 421), body)


@attack("H24", "socket", "a frame without end")
def _(world, way):
    peer = world.socket()
    peer.send(frame(BINARY, b"", length=1 << 40))
    check(peer.closed())


@attack("H24", "socket page stream", "messages, services and pieces without end")
def _(world, way):
    peer = world.attacker(way)
    refused = [peer.call(MANAGER, "services.built-in.message_cache.create", f"k{i}")[0] for i in range(70)]
    check(refused[0] == "resolve" and refused[-1] == "reject", refused)
    verb, _ = peer.register("large", "public", docs="x" * (2 << 20))
    check(verb == "reject")
    events = [peer.manager("subscribe", f"event{i}")[0] for i in range(300)]
    check(events[0] == "resolve" and events[-1] == "reject")


@attack("H24", "socket", "long messages for the manager that never get whole")
def _(world, way):
    def fill(peer, size):
        """Pieces until one is refused; their bytes."""
        peer.call(MANAGER, "services.built-in.message_cache.create", "k")
        for sent in range(0, size, 4 << 20):
            if peer.call(MANAGER, "services.built-in.message_cache.append", "k", bytes(4 << 20))[0] == "reject":
                return sent
        return size
    before = world.server.resident()
    guests = [world.anonymous() for _ in range(5)]
    held = sum(fill(guest, 256 << 20) for guest in guests)
    check(held <= 160 << 20, held)
    grown = world.server.resident() - before
    check("HYPHA_SANITIZED" in os.environ or grown < 300 << 10, grown)
    check(fill(world.socket("ws-a", "alice"), 64 << 20) == 64 << 20)


@attack("H24", "http", "a body without end")
def _(world, way):
    with socket.create_connection(("127.0.0.1", world.server.port), 20) as raw:
        raw.sendall(f"POST /ws-a/services/ws/echo HTTP/1.1\r\nHost: 127.0.0.1:{world.server.port}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {1 << 40}\r\n\r\n".encode())
        before = world.server.resident()
        sent = 0
        try:
            while sent < 400 << 20:
                sent += raw.send(bytes(1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass
        check(sent < 400 << 20, "all of it was taken")
        # A sanitizer keeps what was freed.
        check("HYPHA_SANITIZED" in os.environ or world.server.resident() - before < 32 << 10, "it was kept")


@attack("H25", "socket page", "an address inside the network, fetched by the server")
def _(world, way):
    with socket.create_server(("127.0.0.1", 0)) as inside:
        port = inside.getsockname()[1]
        attacker = world.attacker(way)
        for host in INSIDE:
            for config in ({"src": f"http://{host}:{port}/x.imjoy.html"}, f"http://{host}:{port}/x.imjoy.html"):
                verb, value = attacker.manager("load_app", config)
                check(verb == "reject" and NOT_FETCHED.search(str(value)), value)
        for source in ("file:///etc/passwd", "/etc/passwd", "ftp://127.0.0.1/x", "data:text/html,x"):
            verb, value = attacker.manager("load_app", {"src": source})
            check(verb == "reject" and "root:" not in str(value), value)
        check(not select.select([inside], [], [], 0)[0], "the server has connected")


def traces(value):
    return re.search(r"(/work/|/usr/|hypha-core/|\.c:\d|0x[0-9a-f]{6}|Traceback| at \S+ \()", str(value))


@attack("H26", "socket page", "paths and stacks in errors")
def _(world, way):
    attacker = world.attacker(way)
    for args in (("get_service",), ("get_service", 7), ("register_service", {"id": "a/b"}), ("register_service",),
                 ("generate_token", 7), ("subscribe", 7), ("nothing",), ("load_app", {"src": "/x"}), ("__proto__",)):
        _, value = attacker.manager(*args)
        check(not traces(value), value)


@attack("H26", "http", "paths and stacks in errors")
def _(world, way):
    for method, path in (("GET", "/"), ("GET", "/ws-a/services/none"), ("POST", "/ws-a/services/ws/nothing"),
                         ("GET", "/%00"), ("GET", "/ws-a/services/%ff%fe"), ("BREW", "/ws-a/services"),
                         ("GET", "/ws-a/services/ws/echo?" + "a" * 10000)):
        _, _, body = world.http(method, path)
        check(not traces(body), body)


if __name__ == "__main__":
    sys.exit(main())
