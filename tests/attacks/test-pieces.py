#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Messages in pieces, and names that lead from a stock client to its program: H27 and H29."""

import asyncio
import sys
import threading
import time

from harness import CONTEXT, attack, check, main, services_of
from raw import MANAGER, merged, pack
from tokens import mint


class Stock:
    """A victim with the stock client of Python, which puts pieces together and merges segments."""

    def __init__(self, url, way):
        self.touched = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.client = self.run(self.connect(url, way))
        self.id = f"ws-a/{self.client.config['client_id']}"

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def connect(self, url, way):
        from hypha_rpc import connect_to_server

        client = await connect_to_server({
            "server_url": url, "workspace": "ws-a", "token": mint("ws-a"),
            "transport": "http" if way == "stream" else "websocket"})
        for name, visibility in (("secret", "protected"), ("open", "public")):
            def touch(*args, context=None, name=name):
                self.touched.append((name, context["from"], context["ws"], (context.get("user") or {}).get("id")))
                return context["from"]

            await client.register_service({"id": name, "touch": touch, "config": {
                "visibility": visibility, "require_context": True}})
        return client

    def settle(self):
        """Its own call to itself through the server, behind everything that was sent before."""
        self.run(self.client.echo("done"))

    def close(self):
        self.run(self.client.disconnect())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)


def cache(attacker, victim, verb, *args):
    return attacker.call(victim.id, f"services.built-in.message_cache.{verb}", *args)


def stock_victim(world, way):
    victim = Stock(world.server.url, way)
    world.stack.callback(victim.close)
    return victim


def pieces_of(victim):
    """A call that is fine, one that is forged, and a head that swallows as much as asked for."""
    def main(method):
        return pack({"type": "method", "to": victim.id, "method": method, "from": "x"})
    good = main("services.open.touch") + pack({"args": []})
    evil_extra = pack({"args": [], "from": victim.id, "ws": "ws-a", "ctx": {
        "from": victim.id, "ws": "ws-a", "user": {"id": "root"}}})
    evil = main("services.secret.touch") + evil_extra
    return good, evil, main, evil_extra


def check_stock(victim, attacker):
    victim.settle()
    own = attacker.id.split("/")[0]
    for name, caller, workspace, user in victim.touched:
        check((caller, workspace) == (attacker.id, own) and user != "root", victim.touched)
        check(name == "open" or own == "ws-a", victim.touched)


def both(world, way):
    """A stock victim for an attacker from elsewhere, and one for another member."""
    for workspace in ("ws-c", "ws-a"):
        yield stock_victim(world, way), world.attacker(way, workspace)


@attack("H27", "socket page stream", "forged keys in pieces")
def _(world, way):
    for victim, attacker in both(world, way):
        good, evil, _, _ = pieces_of(victim)
        check(cache(attacker, victim, "create", "g", False)[0] == "resolve")
        check(cache(attacker, victim, "append", "g", good, False)[0] == "resolve")
        check(cache(attacker, victim, "process", "g", False)[0] == "resolve")
        for step in (1, 7, 50, len(evil)):
            cache(attacker, victim, "create", f"e{step}", False)
            for i in range(0, len(evil), step):
                if cache(attacker, victim, "append", f"e{step}", evil[i:i + step], False)[0] == "reject":
                    break
            cache(attacker, victim, "process", f"e{step}", False)
        check_stock(victim, attacker)
        check(victim.touched, "not even the good one came")


@attack("H27", "socket page stream", "pieces that are checked and others that are kept")
def _(world, way):
    for victim, attacker in both(world, way):
        good, evil, main, evil_extra = pieces_of(victim)
        # Two pieces in one call: of a session that is alive, as far as the receiver can see.
        for key in ("services", "built-in", "message_cache"):
            cache(attacker, victim, "create", key, True)
            cache(attacker, victim, "append", key, evil, good)
            cache(attacker, victim, "process", key, True)
        # One that the receiver refuses: there is no such session.
        hidden = pack({"args": [0]})[:-1] + b"\xc5" + len(evil).to_bytes(2, "big")
        cache(attacker, victim, "create", "dead", False)
        cache(attacker, victim, "append", "dead", main("services.open.touch"), True)
        cache(attacker, victim, "append", "dead", hidden, True)
        cache(attacker, victim, "append", "dead", evil, False)
        cache(attacker, victim, "process", "dead", False)
        # Two ways to add, of which one goes to the end.
        cache(attacker, victim, "create", "mixed", False)
        cache(attacker, victim, "set", "mixed", 1, evil_extra, False)
        cache(attacker, victim, "append", "mixed", main("services.secret.touch"), False)
        cache(attacker, victim, "process", "mixed", False)
        # A context of its own.
        cache(attacker, victim, "create", "ctx", False)
        cache(attacker, victim, "append", "ctx", good, False)
        cache(attacker, victim, "process", "ctx", False,
              {"from": victim.id, "to": victim.id, "ws": "ws-a", "user": {"id": "root"}})
        check_stock(victim, attacker)


@attack("H27", "socket page stream", "forged keys in pieces for everybody")
def _(world, way):
    victim, attacker = stock_victim(world, way), world.attacker(way, "ws-a")
    _, evil, _, _ = pieces_of(victim)
    for target in ("*", "ws-a/*"):
        for verb, args in (("create", ()), ("append", (evil,)), ("process", ())):
            outcome, said = attacker.call(target, f"services.built-in.message_cache.{verb}", "all", *args, False)
            check(outcome == "reject" and "to one client" in str(said), said)
    check_stock(victim, attacker)


@attack("H27", "socket page stream", "pieces by another name")
def _(world, way):
    for victim, attacker in both(world, way):
        good, evil, _, _ = pieces_of(victim)
        # Python looks up attributes too.
        for verb, args in (("create", ()), ("append", (evil,)), ("process", ())):
            attacker.call(victim.id, f"services.built-in.ping.__self__._{verb}_message", "alias", *args, False)
        # Calls of the cache that come in pieces themselves.
        for verb, args in (("create", ()), ("append", (evil,)), ("process", ())):
            inner = pack({"type": "method", "to": victim.id, "method": f"services.built-in.message_cache.{verb}",
                          "from": "x"}) + pack({"args": ["nested", *args, False]})
            cache(attacker, victim, "create", verb, False)
            cache(attacker, victim, "append", verb, inner, False)
            cache(attacker, victim, "process", verb, False)
        check_stock(victim, attacker)
        cache(attacker, victim, "create", "g", False)
        cache(attacker, victim, "append", "g", good, False)
        cache(attacker, victim, "process", "g", False)
        check_stock(victim, attacker)
        check(victim.touched, "not even the good one came")


def revive(attacker, victim, session):
    """A receiver names the session of its answer below the parent of the call, and so makes that."""
    attacker.message({"type": "method", "to": victim.id, "method": "services.built-in.ping", "session": "r",
                      "parent": session}, {"args": ["ping"], "promise": "*", "t": 15})
    attacker.answer("r")


def leave(world, peer, watcher):
    """Closes peer; it is gone when this returns."""
    peer.close()
    deadline = time.monotonic() + 20
    while "not connected" not in str(watcher.call(peer.id, "services.built-in.ping", "ping")[1]):
        check(time.monotonic() < deadline, "it stays")


@attack("H27", "socket page stream", "pieces that are left below others")
def _(world, way):
    for heartbeat in (False, True):
        for victim, attacker in both(world, way):
            _, _, main, _ = pieces_of(victim)
            # What one leaves behind who goes in between; where another's becomes its extra.
            first = world.attacker(way, attacker.id.split("/")[0])
            cache(first, victim, "create", "left", False)
            cache(first, victim, "append", "left", main("services.secret.touch"), False)
            leave(world, first, attacker)
            cache(attacker, victim, "create", "left", heartbeat)
            if heartbeat:
                revive(attacker, victim, "left")
            cache(attacker, victim, "append", "left", pack({
                "type": "method", "to": victim.id, "method": "services.secret.touch", "from": victim.id}), heartbeat)
            cache(attacker, victim, "process", "left", heartbeat)
            check_stock(victim, attacker)


def hide(victim):
    """A piece that makes an argument of the one behind it, which is an extra segment without it."""
    _, _, main, evil_extra = pieces_of(victim)
    hidden = pack({"args": [0]})[:-1] + b"\xc5" + len(evil_extra).to_bytes(2, "big")
    return main("services.secret.touch"), hidden, evil_extra


@attack("H27", "socket page stream", "pieces that a receiver takes for no calls")
def _(world, way):
    broken = [{"promise": promise} for promise in (
        None, {}, [], 1, {"resolve": 1}, {"resolve": 1, "reject": {"_rtype": "method"}},
        {"resolve": 1, "reject": 1, "heartbeat": 1, "interval": {"_rtype": "error"}},
        {"resolve": {"_rtype": "ndarray", "_rvalue": 1}, "reject": 1})]
    broken += [{"promise": "*", "t": {"_rtype": "error"}}, {"promise": "*", "t": {"_rtype": "memoryview"}}]
    for victim, attacker in both(world, way):
        def send(verb, *args, extra=None, **main):
            attacker.message({"type": "method", "to": victim.id, **main,
                              "method": f"services.built-in.message_cache.{verb}"}, {**(extra or {}), "args": list(args)})
        for i, extra in enumerate(broken + [{"promise": "*"}, {"promise": "*", "t": 15}]):
            for session in ({}, {"session": "x"}):
                main, hidden, evil_extra = hide(victim)
                send("create", f"k{i}", False)
                send("append", f"k{i}", main, False)
                send("append", f"k{i}", hidden, False, extra=extra, **session)
                send("append", f"k{i}", evil_extra, False)
                send("process", f"k{i}", False)
                send("remove", f"k{i}")
        attacker.sync()
        check_stock(victim, attacker)


@attack("H27", "socket page stream", "pieces for a session that comes and goes")
def _(world, way):
    for victim, attacker in both(world, way):
        main, hidden, evil_extra = hide(victim)
        other = world.attacker(way, attacker.id.split("/")[0])
        revive(other, victim, "k")
        cache(attacker, victim, "create", "k", True)
        cache(attacker, victim, "append", "k", main, True)
        leave(world, other, attacker)
        victim.settle()
        cache(attacker, victim, "append", "k", hidden, True)
        revive(attacker, victim, "k")
        cache(attacker, victim, "append", "k", evil_extra, True)
        cache(attacker, victim, "process", "k", True)
        check_stock(victim, attacker)


@attack("H27", "socket page stream", "forged keys in pieces for the manager")
def _(world, way):
    world.victim(way=way)
    attacker = world.attacker(way)
    before = services_of(world)
    forged_call = pack({"type": "method", "to": MANAGER, "from": "default/root", "session": "f",
                        "method": "services.default.register_service"})
    for extra in ({"args": [{"id": "evil"}], "from": "default/root", "ctx": CONTEXT},
                  {"args": [{"id": "ws-a/victim1:evil"}], "ws": "ws-a"}):
        for verb, args in (("create", ["k", False, True]), ("append", ["k", forged_call + pack(extra), False]),
                           ("process", ["k", False])):
            attacker.call(MANAGER, f"services.built-in.message_cache.{verb}", *args)
    attacker.sync()
    check(services_of(world) >= before)
    check(not any("evil" in name for name in services_of(world) | services_of(world, "default")))


def session_of(victim, attacker):
    """A session of the victim's that the attacker may call into: it comes with an answer of a promise."""
    promise = {"_rtype": "method", "_rtarget": attacker.id, "_rpromise": True}
    attacker.message({"type": "method", "to": victim.id, "method": "services.built-in.ping", "session": "k"},
                     {"args": ["ping"], "promise": {verb: {**promise, "_rmethod": f"k.{verb}", "_rname": verb}
                                                    for verb in ("resolve", "reject")}})
    while True:
        message = merged(attacker.receive()[1])
        if message.get("method") == "k.resolve":
            check(message.get("session"), message)
            return message["session"]


@attack("H29", "socket page stream", "from a promise to the program that made it")
def _(world, way):
    for victim, attacker in both(world, way):
        session = session_of(victim, attacker)
        attacker.call(victim.id, f"{session}.timer._task._loop.stop")
        for name in ("resolve.constructor", "f.call", "_promise_manager.x", "heartbeat_task.cancel"):
            verb, value = attacker.call(victim.id, f"{session}.{name}")
            check(verb == "reject" and "does not name what a client serves" in value["_rvalue"], value)
        check(attacker.call(victim.id, "services.built-in.ping", "ping") == ("resolve", "pong"), "stopped")


@attack("H29", "socket page stream", "a parent among services and classes")
def _(world, way):
    for victim, attacker in both(world, way):
        promise = {"_rtype": "method", "_rtarget": attacker.id, "_rmethod": "k.resolve", "_rpromise": True}
        for parent in ("services.built-in", "services", "message_cache", "__proto__"):
            attacker.message({"type": "method", "to": victim.id, "method": "services.built-in.ping",
                              "session": "k", "parent": parent},
                             {"args": ["ping"], "promise": {"resolve": promise, "reject": promise}})
        verb, value = attacker.call(victim.id, "services.built-in.get_service", "built-in")
        check(verb == "resolve" and "ping" in value, value)


def answer(client, to, session, value, verb="resolve"):
    client.message({"type": "method", "to": to, "method": f"{session}.{verb}", "parent": session}, {"args": [value]})


@attack("H29", "socket page stream", "an answer to a call of the core's, from somebody who was not asked")
def _(world, way):
    for workspace in ("ws-c", "ws-a"):
        victim, attacker = world.victim(way=way), world.attacker(way, workspace)
        path = f"/ws-a/services/{victim.id.split('/')[1]}:public/touch"
        answers = []
        thread = threading.Thread(target=lambda: answers.append(world.post(path, {})), daemon=True)
        thread.start()
        service = {"id": f"{victim.id}:public", "touch": {
            "_rtype": "method", "_rtarget": victim.id, "_rmethod": "services.public.touch", "_rpromise": True}}
        # The manager asks for the service, and somebody who came over HTTP calls it.
        for method, value in (("services.built-in.get_service", service), ("services.public.touch", "from the victim")):
            call = merged(victim.receive()[1])
            check(call["method"] == method, call)
            for verb in ("resolve", "reject", "heartbeat"):
                answer(attacker, call["from"], call["session"], "from somebody else", verb)
            attacker.sync()
            check(not answers, answers)
            answer(victim, call["from"], call["session"], value)
        thread.join(20)
        check(answers and answers[0][0] == 200 and answers[0][2] == b'"from the victim"', answers)


if __name__ == "__main__":
    sys.exit(main())
