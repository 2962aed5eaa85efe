#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls and events whose segments say what the router has to say, or end who reads them: H27, H28 and H30."""

import sys

import msgpack

from harness import (
    CONTEXT, CONTROL_TYPES, INHERITED, SERVER_EVENTS, attack, check, check_arrives, main, nobodies)
from raw import MANAGER, merged, pack, pack_pairs, unpack
from tokens import mint


FORGED = {"from": "ws-a/root", "ws": "ws-a", "to": "ws-b/x", "user": {"id": "root"}, "type": "force-exit",
          "method": "services.protected.touch", "session": "other", "parent": "other", "ctx": CONTEXT,
          "caller_public_key": "x", "reason": "x"}


def only_own(victim, attacker, allowed=("services.public.touch",)):
    """Whatever came is what the attacker may say, under its own name, as a client understands it."""
    for data in victim.sync():
        message = merged(data)
        check(len(unpack(data)) <= 2, unpack(data))
        check(message["from"] == attacker.id, message)
        check(message["ws"] == attacker.id.split("/")[0], message)
        check(message["type"] == "method" and message["method"] in allowed, message)
        check(message["to"] == victim.id and message["ctx"]["from"] == attacker.id, message)
        check(message["user"]["id"] != "root", message)
        check("caller_public_key" not in message and "reason" not in message, message)


def attackers_of(world, way):
    """From another workspace and from the same one, and nobody at all."""
    yield world.attacker(way)
    yield world.attacker(way, "ws-a")
    yield from nobodies(world, way)


def head(victim, **more):
    return {"type": "method", "to": victim.id, "method": "services.public.touch", **more}


@attack("H27", "socket page stream", "from in the second segment")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        for wide in (False, True):
            attacker.message(head(victim), {"args": [], "from": "ws-a/root"}, wide)
            attacker.message(head(victim), {"from": "ws-a/root"}, wide)
        attacker.sync()
        only_own(victim, attacker)


@attack("H27", "socket page stream", "every other key in the second segment")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        for name, value in FORGED.items():
            for wide in (False, True):
                attacker.message(head(victim), {"args": [], name: value}, wide)
        attacker.sync()
        only_own(victim, attacker)
        check(victim.log == [], victim.log)


@attack("H27", "socket page stream", "every key in the first segment")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        for name, value in FORGED.items():
            if name not in ("to", "type", "method"):
                attacker.message({name: value, **head(victim), name: value}, {"args": []})
        attacker.sync()
        for data in victim.sync():
            message = merged(data)
            check(message["from"] == attacker.id and message["ws"] == attacker.id.split("/")[0], message)
            check(message["user"]["id"] != "root" and "ctx" not in unpack(data)[0], message)
            check("caller_public_key" not in message and "reason" not in message, message)


@attack("H27", "socket page stream", "keys that come twice")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        call = [("type", "method"), ("to", victim.id), ("method", "services.public.touch")]
        for main in ([*call, ("from", "a"), ("from", "ws-a/root")], [("from", "ws-a/root"), *call, ("from", "x")],
                     [*call, ("to", "ws-b/x")], [*call, ("type", "force-exit")],
                     [("user", {"id": "root"}), *call, ("user", {"id": "root"})],
                     [*call, ("ws", "ws-a"), ("ws", "ws-a")]):
            attacker.raw(pack_pairs(*main) + pack({"args": []}))
        for extra in ([("args", []), ("args", [1])], [("args", []), ("from", "ws-a/root"), ("args", [])]):
            attacker.raw(pack_pairs(*call) + pack_pairs(*extra))
        attacker.sync()
        for data in victim.sync():
            seen = []
            unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=lambda pairs: (
                seen.append(pairs), dict(pairs))[1])
            unpacker.feed(data)
            list(unpacker)
            for pairs in seen:
                check(len({name for name, _ in pairs}) == len(pairs), pairs)
        only_own(victim, attacker)


@attack("H27", "socket page stream", "keys in other clothes")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        call = pack(head(victim))
        name = b"from"
        forms = [b"\xd9\x04" + name, b"\xda\x00\x04" + name, b"\xdb\x00\x00\x00\x04" + name,
                 b"\xc4\x04" + name, b"\xc7\x04\x01" + name, b"\xa8" + b"\xc1\xa6\xc1\xb2\xc1\xaf\xc1\xad",
                 b"\xa5" + name + b"\x00", b"\xa7\xef\xbb\xbf" + name, b"\x91\xa4" + name, b"\xd6\xff" + name]
        for form in forms:
            for bundle in (b"\x81", b"\xde\x00\x01", b"\xdf\x00\x00\x00\x01"):
                attacker.raw(call + bundle + form + pack("ws-a/root"))
                attacker.raw(call + bundle.replace(b"\x01", b"\x02").replace(b"\x81", b"\x82")
                             + pack("args") + pack([]) + form + pack("ws-a/root"))
        attacker.sync()
        only_own(victim, attacker)
        check(victim.log == [], victim.log)


@attack("H27", "socket page stream", "a third segment, half of one, and other things than maps")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        call = pack(head(victim))
        evil = pack({"from": "ws-a/root"})
        for rest in (pack({"args": []}) + evil, b"\x80" + evil, b"\xc0" + evil, pack([["from", "ws-a/root"]]), evil[:-2],
                     pack("from"), b"\xc1", pack({"args": []}) + b"\x00", b"\xc0", b"\xdf\xff\xff\xff\xff" + evil[1:]):
            attacker.raw(call + rest)
        attacker.sync()
        only_own(victim, attacker)
        check(victim.log == [], victim.log)


@attack("H27", "socket page stream", "events whose second segment says who sent them")
def _(world, way):
    attacker = world.attacker(way, "ws-a")
    victim = world.victim(way=way)
    for name in ("from", "type", "to", "ws", "user", "ctx", "method", "session", "parent"):
        for wide in (False, True):
            attacker.message({"type": "my-event", "to": victim.id}, {"data": 1, name: FORGED[name]}, wide)
    attacker.sync()
    check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H28", "socket page stream", "events that only the server sends")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim(way=way)
        for name in (*SERVER_EVENTS, *CONTROL_TYPES, *INHERITED):
            for to in (victim.id, "*", "ws-a/*", victim.id.split("/")[1]):
                attacker.message({"type": name, "from": MANAGER, "to": to, "reason": "go", "peer_id": "x",
                                  "data": {"id": "victim", "workspace": "ws-a"}, "session": "s"})
                attacker.message({"type": name, "to": to}, {"data": {"id": "x"}}, True)
        attacker.sync()
        check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H28", "http", "words of a stream, at which a client over HTTP would forget its token")
def _(world, way):
    victim = world.stream(mint("ws-a", "alice"), client_id="stream", workspace="ws-a")
    for attacker in (world.socket("ws-a", "bob"), world.socket()):
        for name in CONTROL_TYPES:
            attacker.message({"type": name, "to": victim.id, "reconnection_token": "x", "workspace": "ws-c",
                              "manager_id": attacker.id, "client_id": "stream", "user": {"id": "root"}})
            attacker.message({"type": name, "to": victim.id}, {"reconnection_token": "x"})
            attacker.manager("emit", name, {"reconnection_token": "x"})
    verb, value = victim.manager("echo", "done")
    check((verb, value) == ("resolve", "done") and len(victim.log) == 1, [merged(data) for data in victim.log])


@attack("H28", "socket page stream", "events of one's own in another workspace")
def _(world, way):
    victim = world.victim(way=way)
    attacker = world.attacker(way)
    for name in ("my-event", "log", "custom", "ws-a/victim:msg"):
        attacker.message({"type": name, "to": victim.id, "data": 1})
    attacker.sync()
    check(victim.sync() == [], [merged(f) for f in victim.log])


PROTO = pack("__proto__")
# The value of “args”, packed: what the decoder of JavaScript throws at, where nothing catches it.
ENDING = [b"\x91\x81" + PROTO + b"\x01", b"\x92\x01\x81\xa1a\x92\x02\x81" + PROTO + b"\x80",
          b"\x91\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x09__proto__\x01", b"\x81" + PROTO + b"\x90",
          b"\x91\x81\xaa\xc1\x9f_proto__\x01", b"\x91\x81\xa9__proto_\xc1\x1f",
          b"\x91\x81\xc0\x01", b"\x91\x81\xc3\x01", b"\x91\x81\xc4\x01a\x01", b"\x91\x81\x90\x01",
          b"\x91\x81\x80\x01", b"\x91\x81\xd6\xff\0\0\0\0\x01", b"\x91\xc7\x05\xff12345", b"\x91\xd4\xff\x01",
          b"\x91\xc7\x00\xff", b"\x91\xc8\x00\x10\xff" + b"t" * 16]


@attack("H30", "socket page", "keys and times that end a client in JavaScript")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        for number, value in enumerate(ENDING):
            attacker.log.clear()
            attacker.raw(pack(head(victim, session=f"e{number}")) + b"\x81" + pack("args") + value)
            verb, error = attacker.answer(f"e{number}")
            check(verb == "reject" and ("a map has a key" in error["_rvalue"] or "timestamp" in error["_rvalue"]), error)
            attacker.raw(pack(head(victim)) + b"\x82" + pack("args") + pack([]) + pack("promise") + value)
            attacker.raw(pack({"type": "my-event", "to": victim.id}) + b"\x81" + pack("data") + value)
            attacker.raw(b"\x83" + b"".join(map(pack, ("type", "my-event", "to", victim.id, "data"))) + value)
        attacker.raw(pack({"type": "my-event", "to": victim.id}) + b"\x81" + PROTO + b"\x01")
        attacker.raw(b"\x83" + b"".join(map(pack, ("type", "my-event", "to", victim.id, "__proto__", 1))))
        attacker.sync()
        check(victim.sync() == [], victim.log)


@attack("H30", "socket page", "numbers as keys, which a client in Python may send, arrive")
def _(world, way):
    victim = world.victim()
    attacker = world.attacker(way)
    args = [{1: "a", -7: {2 ** 64 - 1: 1, 1.5: 2}, "ok": 3}]
    attacker.message(head(victim), {"args": args})
    attacker.sync()
    check([merged(data)["args"] for data in victim.sync()] == [args], victim.log)
    verb, value = attacker.manager("echo", {1: "a", -7: 2})
    check((verb, value) == ("resolve", {"1": "a", "-7": 2}), value)


@attack("H30", "socket page", "the core's own answers and events with such keys")
def _(world, way):
    attacker = world.attacker(way, "ws-a")
    victim = world.victim()
    victim.manager("subscribe", ["my-event", "service_added"])
    victim.log.clear()
    for number, value in enumerate(ENDING):
        for method, args in (("register_service", b"\x91\x83" + pack("id") + pack("evil") + pack("config")
                              + pack({"visibility": "public"}) + pack("extra") + value),
                             ("emit", b"\x92" + pack("my-event") + value), ("echo", value),
                             ("set_env", b"\x92" + pack("name") + value)):
            session = f"{method}{number}"
            attacker.raw(pack({"type": "method", "to": MANAGER, "method": f"services.default.{method}",
                               "session": session}) + b"\x83" + pack("args") + args + pack("promise") + pack("*")
                         + pack("t") + pack(5))
            verb, error = attacker.answer(session)
            check(verb == "reject", (method, value, error))
    attacker.sync()
    check(victim.sync() == [], victim.log)
    attacker.manager("set_env", "__proto__", "1")
    verb, value = victim.manager("get_env")
    check(verb == "resolve" and "__proto__" not in value, value)


@attack("H30", "http", "keys that end a client in JavaScript, in a query and a body")
def _(world, way):
    victim = world.victim()
    path = f"/ws-a/services/{victim.id.split('/')[1]}:public/touch"
    for query, kind, body in (("?__proto__=1&b=2", None, None), ("?x=1&%5f_proto__=", None, None),
                              ("", "application/json", b'{"x": {"__proto__": 1}}'),
                              ("", "application/json", b'{"x": [{"__pr\\u006fto__": 1}]}'),
                              ("", "application/x-www-form-urlencoded", b"__proto__=1"),
                              *(("", "application/msgpack", b"\x81\xa1x" + value) for value in ENDING)):
        headers = {"Content_Type": kind} if kind else {}
        status, _, answer = world.http("POST" if kind else "GET", path + query, body, **headers)
        check(status == 400, (query, body, status, answer))
    check(victim.sync() == [], victim.log)
    check_arrives(world, victim)


if __name__ == "__main__":
    sys.exit(main())
