#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Strangers who send to stock clients, in processes of their own, what may end them: H30.

After each handful the client must answer a call, and must not have lost its connection.
"""

import copy
import os
import pathlib
import queue
import random
import struct
import subprocess
import sys
import threading

import msgpack

from harness import attack, check, main
from raw import MANAGER, merged, pack
from tokens import mint

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = {"js": ["node", HERE / "victim.mjs"], "js-old": ["node", HERE / "victim.mjs"],
            "py": [sys.executable, HERE / "victim.py"], "py-http": [sys.executable, HERE / "victim.py"]}
MIB = 1 << 20
# Long enough for a machine with a lot else to do.
DEADLINE = 60
ROUNDS = 40
HANDFUL = 25


class Bytes(bytes):
    """Something that is packed already."""


class Victim:
    def __init__(self, world, kind):
        self.kind = kind
        self.calls = 0
        self.id = f"ws-a/{kind}"
        self.world = world
        self.observer = world.socket("ws-a", "alice")
        self.observer.manager("subscribe", ["client_disconnected"])
        env = {**os.environ, "HYPHA_URL": world.server.url, "HYPHA_TOKEN": mint("ws-a", "alice")}
        self.process = subprocess.Popen([*PROGRAMS[kind], kind], env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.lines = queue.Queue()
        self.printed = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        world.stack.callback(self.close)
        check(self.said() == "ready", self.printed)

    def read(self):
        for line in self.process.stdout:
            self.printed = [*self.printed[-40:], line]
            if line.startswith("@"):
                self.lines.put(line[1:].strip())
        self.lines.put(None)

    def said(self):
        """What it says next; None if it has ended."""
        return self.lines.get(timeout=DEADLINE)

    def lists(self, workspace):
        self.process.stdin.write(workspace + "\n")
        self.process.stdin.flush()
        return self.said()

    def check_lives(self, caller, what):
        """It answers, has its connection still, and is the process that it was."""
        caller.sync()
        session = f"c{self.calls}"
        self.calls += 1
        caller.message(*call(self, name="touch", session=session, promise=promise(caller, session)))
        answer = caller.answer(session)
        check(self.process.poll() is None, (self.kind, what, self.printed))
        check(answer == ("resolve", "touched"), (self.kind, what, answer, self.printed))
        gone = [data for data in self.observer.sync() if b"client_disconnected" in data and self.kind.encode() in data]
        check(not gone, (self.kind, what, self.printed))
        caller.log.clear()
        self.observer.log.clear()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(DEADLINE)


def pack_odd(value):
    """MessagePack in which a key may be anything, and Bytes stand for themselves."""
    if isinstance(value, Bytes):
        return bytes(value)
    if isinstance(value, list):
        return b"\xdd" + struct.pack("!I", len(value)) + b"".join(map(pack_odd, value))
    if isinstance(value, dict):
        return b"\xdf" + struct.pack("!I", len(value)) + b"".join(
            pack_odd(part) for item in value.items() for part in item)
    return msgpack.packb(value, use_bin_type=True)


def promise(caller, session):
    """Where to answer, in the words that clients of every age understand."""
    return {verb: {"_rtype": "method", "_rtarget": caller.id, "_rmethod": f"{session}.{verb}", "_rpromise": False}
            for verb in ("resolve", "reject")}


def call(victim, *args, name="back", promise="*", **more):
    """A good call, as its two segments."""
    return ({"type": "method", "to": victim.id, "method": f"services.open.{name}", **more},
            {"args": list(args), "promise": promise, "t": 5})


def nest(depth, within=Bytes(b"\x91")):
    return Bytes(within * depth + b"\xc0")


PROTO = Bytes(b"\xa9__proto__")
ODD_KEYS = [PROTO, None, True, 1, -1, 2 ** 63, 1.5, float("nan"), b"bytes", "", "constructor", "toString", "then",
            "length", "__class__", "__dict__", "_rtype", "_rvalue", "_rintf", "_renc_pub", "args", "a" * 300,
            Bytes(b"\x90"), Bytes(b"\x80"), Bytes(b"\xd4\x05\x01"), Bytes(b"\xa1\xff"), Bytes(b"\xaa\xc1\x9f_proto__"),
            Bytes(b"\xa9__proto_\xc1\x1f"), Bytes(b"\xd6\xff\0\0\0\0")]
ODD_TYPES = ["method", "ndarray", "error", "typedarray", "memoryview", "blob", "file", "map", "set", "generator",
             "iostream", "stop_iteration", "orderedmap", "set", "pil_image", "argument", "function", "__proto__",
             "constructor", "toString", "hasOwnProperty", "", None, 5, [], {}]
ODD_VALUES = [None, True, False, 0, -1, 2 ** 64 - 1, -2 ** 63, 1e308, float("nan"), float("inf"), "", "x", "*", ".",
              "..", "\0", "😀" * 50, "x" * 5000, b"", b"\xff" * 1000, [], {}, [[]], [None] * 50, {"a": {"b": {"c": []}}},
              Bytes(b"\xa2\xff\xfe"), Bytes(b"\xd6\xff\0\0\0\0"), Bytes(b"\xd7\xff" + b"\xff" * 8),
              Bytes(b"\xc7\x0c\xff" + b"\xff" * 12), Bytes(b"\xc7\x05\xff12345"), Bytes(b"\xd4\x05\x01"), Bytes(b"\xc1"),
              nest(20), nest(200), nest(500), nest(520), nest(200, b"\x81\xa1a"), nest(3000),
              Bytes(b"\xdf\xff\xff\xff\xff"), Bytes(b"\xdd\xff\xff\xff\xff"), Bytes(b"\xdb\xff\xff\xff\xff")]
ODD_METHODS = ["", ".", "..", "services", "services.", "services.open", "services.open.", "services.open.touch.x",
               "services.open.touch.call", "services.open.touch.name", "services.open.touch.length", "services.open.id",
               "services.open.config.visibility", "services.built-in.ping", "services.built-in.get_service",
               "services.built-in.message_cache", "services.built-in.message_cache.create",
               "services.built-in.message_cache.process", "services.none.f", "services.constructor.name",
               "services.toString.x", "services.hasOwnProperty", "message_cache.x", "toString", "valueOf.name",
               "s.resolve", "s.reject", "s.heartbeat", "resolve", "a" * 900, "a." * 400]
ODD_EVENTS = ["constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toString", "toLocaleString",
              "valueOf", "__proto__", "__defineGetter__", "__lookupSetter__", "__x", "length", "name", "prototype", "",
              " ", "\0", "method", "error", "connected", "disconnected", "force-exit", "connection_info",
              "reconnection_token", "ping", "pong", "refresh_token", "services_registration_failed", "manager_refreshed",
              "peer_not_found", "remote_client_disconnected", "client_disconnected", "on", "emit", "x" * 3000]


def functions(victim, rand):
    """What is taken for a function, or for a promise of functions; some of it is."""
    function = {"_rtype": "method", "_rtarget": victim.id, "_rmethod": "services.open.touch", "_rpromise": "*"}
    for name in rand.sample(list(function), rand.randrange(3)):
        function[name] = rand.choice(ODD_VALUES[:20])
    promise = {"resolve": function, "reject": dict(function), "heartbeat": dict(function), "interval": 0.01}
    for name in rand.sample(list(promise), rand.randrange(3)):
        promise[name] = rand.choice(ODD_VALUES[:20])
    return rand.choice([function, promise, {"_rtype": "generator", **{k: v for k, v in function.items() if k != "_rtype"}}])


def odd_value(victim, rand):
    kind = rand.randrange(6)
    if kind == 0:
        return {"_rtype": rand.choice(ODD_TYPES), **{
            name: rand.choice(ODD_VALUES) for name in rand.sample(
                ["_rvalue", "_rdtype", "_rshape", "_rtrace", "_rmime", "_rname", "_rintf"], rand.randrange(5))}}
    if kind == 1:
        return {"a": 1, rand.choice(ODD_KEYS): rand.choice(ODD_VALUES)}
    if kind == 2:
        return functions(victim, rand)
    return rand.choice(ODD_VALUES)


def places(value, path=()):
    """Where something can be put in the place of something else."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(value, path, item):
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = item


def mutant(victim, attacker, rand):
    """One frame that was a good call, or a good event, before something happened to it."""
    session = {"session": f"h{rand.randrange(10 ** 9)}"} if rand.randrange(2) else {}
    full = promise(attacker, session.get("session", "none"))
    envelope, extra = call(victim, {"a": [1, {"b": "c"}]}, "text", [1, 2], name=rand.choice(["back", "touch", "run"]),
                           promise=rand.choice(["*", full]), **session)
    kind = rand.randrange(8)
    if kind == 0:
        envelope["method"] = rand.choice(ODD_METHODS)
    elif kind == 1:
        envelope = {"type": rand.choice(ODD_EVENTS), "to": rand.choice([victim.id, "*"]), **session}
        extra = rand.choice([{}, {"data": copy.deepcopy(odd_value(victim, rand))}, {"reason": "x", "reconnection_token": "x"}])
    elif kind == 2:
        extra[rand.choice(["promise", "t", "with_kwargs", "_enc", "data", "args"])] = copy.deepcopy(odd_value(victim, rand))
    elif kind == 3:
        envelope[rand.choice(["session", "parent", "from", "ws", "user", "ctx", "method", "type", "x"])] = odd_value(victim, rand)
    for _ in range(rand.randrange(1, 4)):
        put(extra, rand.choice(list(places(extra)) or [("args",)]), copy.deepcopy(odd_value(victim, rand)))
    if rand.randrange(6) == 0:
        extra.pop(rand.choice(list(extra)), None)
    if rand.randrange(8) == 0:
        extra[rand.choice(ODD_KEYS)] = 1
    data = bytearray(pack(envelope) if kind not in (3,) else pack_odd(envelope))
    data += pack_odd(extra)
    if rand.randrange(5) == 0:
        for _ in range(rand.randrange(1, 4)):
            data[rand.randrange(len(data))] = rand.randrange(256)
    if rand.randrange(12) == 0:
        del data[rand.randrange(len(data)):]
    return bytes(data)


def strangers(world):
    """Who may reach a public service: nobody at all, somebody of another workspace, and one of the same."""
    return [world.anonymous(), world.socket("ws-c", "mallory"), world.socket("ws-a", "bob")]


def frame_of(victim, size):
    """A call that arrives with about so many bytes."""
    return pack(call(victim)[0]) + pack({"args": [bytes(size)]})


def in_handfuls(items, size=12):
    return (items[i:i + size] for i in range(0, len(items), size))


def hostile(kind):
    @attack("H30", "socket", f"keys, times and events at which a stock client ends ({kind})")
    def _(world, way):
        victim = Victim(world, kind)
        for attacker in strangers(world):
            for keys in in_handfuls(ODD_KEYS):
                for key in keys:
                    attacker.raw(pack(call(victim)[0]) + b"\x81" + pack("args") + b"\x91\x81" + pack_odd(key) + b"\x01")
                    attacker.raw(pack({"type": "my-event", "to": victim.id}) + b"\x81" + pack_odd(key) + b"\x01")
                victim.check_lives(attacker, keys)
            for values in in_handfuls(ODD_VALUES):
                for value in values:
                    attacker.raw(pack(call(victim)[0]) + b"\x81" + pack("args") + b"\x91" + pack_odd(value))
                    attacker.raw(pack({"type": "my-event", "to": victim.id}) + b"\x81" + pack("data") + pack_odd(value))
                victim.check_lives(attacker, values)
            for names in in_handfuls(ODD_EVENTS):
                for name in names:
                    attacker.message({"type": name, "to": victim.id}, {"data": 1})
                    attacker.message({"type": name, "to": "*", "reconnection_token": "x", "reason": "x"})
                    attacker.manager("emit", name, {"id": "x"})
                victim.check_lives(attacker, names)
            for size in (MIB - 2000, MIB, MIB + 1, 2 * MIB, 15 * MIB):
                attacker.raw(frame_of(victim, size))
                victim.check_lives(attacker, size)

    @attack("H30", "socket", f"calls with something wrong in them, by chance ({kind})")
    def _(world, way):
        victim = Victim(world, kind)
        attackers = strangers(world)
        for number in range(ROUNDS):
            rand = random.Random(f"{kind} {number}")
            attacker = rand.choice(attackers)
            frames = [mutant(victim, attacker, rand) for _ in range(HANDFUL)]
            for data in frames:
                attacker.raw(data)
            victim.check_lives(attacker, (number, frames))


for program in PROGRAMS:
    hostile(program)


@attack("H30", "http", "names at which a stock client ends, by a stranger without a token")
def _(world, way):
    for kind in ("js", "js-old"):
        victim = Victim(world, kind)
        caller = world.socket("ws-c", "mallory")
        path = f"/ws-a/services/{kind}:open/back"
        for query, body in (("?__proto__=1&b=2", None), ("", b'{"x": {"__proto__": 1}}')):
            status, _, answer = world.http("POST" if body else "GET", path + query, body,
                                           **({"Content_Type": "application/json"} if body else {}))
            check(status == 400, answer)
            victim.check_lives(caller, (query, body))


@attack("H30", "socket", "the record of a stranger's service, at which a stock client ends")
def _(world, way):
    stranger = world.socket("ws-c", "mallory")
    for number, key in enumerate(ODD_KEYS):
        stranger.raw(pack({"type": "method", "to": MANAGER, "method": "services.default.register_service",
                           "session": f"r{number}"}) + pack_odd({
                               "args": [{"id": f"evil{number}", "config": {"visibility": "public", key: 1}, "x": {key: 1}}],
                               "promise": "*", "t": 5}))
        stranger.answer(f"r{number}")
    for kind in PROGRAMS:
        victim = Victim(world, kind)
        said = victim.lists("ws-c")
        check(said is not None and said.isdigit() and int(said) > 5, (kind, said, victim.printed))
        victim.check_lives(stranger, "list")


if __name__ == "__main__":
    sys.exit(main())
