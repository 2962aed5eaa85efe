#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Services, lists, broadcasts and places of others: H9 to H15, H17, H18 and H20 to H22."""

import base64
import json
import sys
import time
import types

from harness import (
    CONTEXT, CONTROL_TYPES, HIDDEN, INHERITED, SERVER_EVENTS, attack, check, check_arrives, check_refused,
    main, nobodies, services_of)
from raw import World, merged
from tokens import mint


@attack("H9", "socket page stream", "services of others, by their ids")
def _(world, way):
    victim = world.victim()
    client = victim.id.split("/")[1]
    attackers = [world.attacker(way), world.attacker(way, "ws-a"), world.attacker(way, "default")]
    before = services_of(world)
    for attacker in attackers:
        for name in (f"{victim.id}:evil", f"{client}:evil", f"{victim.id}:built-in", f"{client}:built-in",
                     "x:built-in", "ws-a/evil", "default/root:evil", "*/workspace-manager:evil",
                     "workspace-manager:default", f"{victim.id}:public", f"{client}:public@app"):
            attacker.manager("register_service", {"id": name, "config": {"visibility": "public",
                                                                         "workspace": "ws-a"}})
        for name in (f"{victim.id}:public", f"{client}:public", "default/root:default"):
            attacker.manager("unregister_service", name)
    check(services_of(world) >= before, "a service has gone")
    for name in services_of(world) | services_of(world, "default"):
        check("evil" not in name, name)
        check(name.endswith((":default", ":built-in")) or "ws-a/" in name or name.startswith("victim"), name)


@attack("H10", "socket page stream", "an argument that looks like a context")
def _(world, way):
    victim = world.victim()
    attacker = world.attacker(way)
    before = services_of(world)
    for args in ([{"workspace": "ws-a"}, CONTEXT], [{}, CONTEXT], [CONTEXT], [None, None, CONTEXT]):
        verb, token = attacker.manager("generate_token", *args)
        check(verb == "reject" or json.loads(base64.urlsafe_b64decode(
            token.split(".")[1] + "==="))["workspace"] == "ws-c", token)
    attacker.manager("register_service", {"id": "evil"}, CONTEXT)
    attacker.manager("register_service", {"id": f"{victim.id}:evil"}, {}, CONTEXT)
    attacker.manager("unregister_service", f"{victim.id}:public", CONTEXT)
    attacker.manager("register_service", {"service": {"id": "evil"}, "context": CONTEXT}, with_kwargs=True)
    verb, found = attacker.manager("list_services", {"workspace": "ws-a"}, CONTEXT)
    check(verb == "reject" or all("protected" not in str(s["id"]) for s in found), found)
    after = services_of(world)
    check(after >= before and not any("evil" in name for name in after), after)


@attack("H11", "socket page stream", "a broadcast into another workspace")
def _(world, way):
    victim = world.victim(way=way)
    attacker = world.attacker(way)
    for to in ("ws-a/*", "*/*", "**", "ws-a/**", "/*", "ws-a/*/*"):
        for kind in ("method", "my-event"):
            attacker.message({"type": kind, "to": to, "method": "services.public.touch"}, {"args": []})
    attacker.sync()
    check(victim.sync() == [], victim.log)


@attack("H11", "socket stream", "a broadcast by nobody")
def _(world, way):
    victim = world.victim(way=way)
    for attacker in nobodies(world, way):
        attacker.message({"type": "method", "to": "ws-a/*", "method": "services.public.touch"}, {"args": []})
        attacker.sync()
    check(victim.sync() == [], victim.log)


@attack("H12", "socket page stream", "events of the core, emitted over RPC")
def _(world, way):
    victim = world.victim(way=way)
    names = (*SERVER_EVENTS, *CONTROL_TYPES, *INHERITED)
    victim.manager("subscribe", list(names))
    victim.sync()
    victim.log.clear()
    for attacker in (world.attacker(way), world.attacker(way, "ws-a")):
        victim.sync()
        victim.log.clear()
        for name in (*names, f"{victim.id}:msg", "ws-a/*:msg", "add_window"):
            attacker.manager("emit", name, {"id": "victim", "workspace": "ws-a"})
            attacker.manager("emit", {"type": name, "data": {"forged": True}})
        check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H13", "socket page stream", "lists of what is protected or unlisted, and of who is there")
def _(world, way):
    victim = world.victim(client=f"hidden-laptop-{way}")
    queries = ({"workspace": "ws-a"}, {"workspace": "*"}, {}, "ws-a/*:*", "*",
               {"workspace": "ws-a", "include_unlisted": True},
               {"workspace": "ws-a", "visibility": "protected"}, {"id": "*/*:protected"},
               {"type": "built-in"}, "*/*:built-in", {"id": f"hidden-laptop-{way}:built-in"})
    attackers = [world.attacker(way), *nobodies(world, way)]
    for attacker in attackers:
        for query in queries:
            for more in ((), (True,)):
                verb, found = attacker.manager("list_services", query, *more)
                names = str([service["id"] for service in found if service["id"].startswith("ws-a/")]
                            if verb == "resolve" else "")
                check(not any(name in names for name in HIDDEN), (query, names))
        for query in ("ws-a/*:built-in", "*/*:built-in", {"id": "built-in", "workspace": "ws-a"}):
            for verb in ("get_service_info", "get_service"):
                check("hidden-laptop" not in str(attacker.manager(verb, query)), query)
    check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H14", "socket page stream", "the functions of a protected service")
def _(world, way):
    victim = world.victim(way=way)
    attackers = [world.attacker(way), *nobodies(world, way)]
    for attacker in attackers:
        for name in (f"{victim.id}:protected", {"id": f"{victim.id}:protected"}, "ws-a/*:protected", "protected"):
            verb, value = attacker.manager("get_service", name)
            check(verb == "reject" or not value, value)
    check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H15", "socket", "names that are patterns or addresses")
def _(world, way):
    for name in ("*", "a:b", "a/b", "a@b", "../x", "", " ", "a\n", "a\u0000b", ".x", "x" * 129, "\u0430"):
        peer = world.open()
        info = peer.hello(client_id=name, token=mint("ws-a"))
        check(peer.id is None or (name in ("", ) and "client" in peer.id), (name, info))
        peer = world.open()
        info = peer.hello(client_id="c", token=mint(name or "*"))
        check_refused(peer, info)
        peer = world.open()
        check(peer.hello(client_id="c", workspace=name or "*") is None or peer.id is None)


@attack("H15", "page", "names that are patterns or addresses")
def _(world, way):
    for name in ("*", "a:b", "victim1", ""):
        page = world.blank_page()
        check_refused(page, page.hello(client_id=name))


@attack("H17", "socket", "the id of somebody who is there")
def _(world, way):
    victim = world.victim()
    client = victim.id.split("/")[1]
    other = world.open()
    check_refused(other, other.hello(client_id=client, token=mint("ws-a", "mallory")))
    # The same user: the holder is asked whether it lives, and does.
    same = world.open()
    same.text({"client_id": client, "token": mint("ws-a", "alice")})
    check(victim.serve()["method"] == "services.built-in.ping")
    check_refused(same, same.greeting())
    friend = world.socket("ws-a", "alice")
    friend.message({"type": "method", "to": victim.id, "method": "services.public.touch"}, {"args": ["secret"]})
    friend.sync()
    check(any(merged(f)["method"] == "services.public.touch" for f in victim.sync()))


@attack("H17", "page", "the id of somebody who is there")
def _(world, way):
    victim = world.victim()
    page = world.blank_page("ws-a")
    check_refused(page, page.hello(client_id=victim.id.split("/")[1], workspace="ws-a"))
    page = world.page("ws-a")
    page.message({"type": "method", "from": victim.id, "to": victim.id, "method": "services.public.touch"})
    page.sync()
    check([merged(f)["from"] for f in victim.sync()] == [page.given], victim.log)


@attack("H18", "socket stream", "the services of somebody who has gone")
def _(world, way):
    gone = f"gone-{way}"
    victim = world.victim("ws-a", gone, way)
    check(any(f"{gone}:" in name for name in services_of(world)))
    victim.close()
    deadline = time.monotonic() + 20
    while any(f"{gone}:" in name for name in services_of(world)):
        check(time.monotonic() < deadline, "still listed")
    heir = world.member(way, "ws-a", "mallory", gone)
    check(not any(f"{gone}:" in name for name in services_of(world)))
    verb, value = heir.manager("get_service", f"ws-a/{gone}:public")
    check(verb == "reject" or not value, value)


@attack("H20", "socket", "what another server in the process knows")
def _(world, way):
    victim = world.victim()
    owner = world.socket("ws-user-alice", "alice")
    check(owner.manager("create_workspace", {"id": "team-z"})[0] == "resolve")
    with World(types.SimpleNamespace(port=world.server.other)) as other:
        check(other.server.port != world.server.port and services_of(world))
        check(not any("victim" in name for name in services_of(other)), "seen by another server")
        member = other.socket("ws-a", "alice")
        verb, value = member.call(victim.id, "services.public.touch")
        check(verb == "reject", value)
        check("victim" not in str(member.manager("list_clients")[1]))
        check(other.socket("ws-user-alice", "alice").manager("get_workspace_info", "team-z")[0] == "reject")
    check(not any(merged(f).get("method") == "services.public.touch" for f in victim.sync()))
    check(owner.manager("delete_workspace", "team-z")[0] == "resolve")


@attack("H21", "page", "a page that says to be another")
def _(world, way):
    first = world.page("ws-a")
    second = world.blank_page("ws-a")
    check_refused(second, second.hello(client_id=first.given.split("/")[1], workspace="ws-a"))
    third = world.blank_page("ws-c")
    check_refused(third, third.hello(client_id=third.given.split("/")[1], workspace="ws-a"))
    first.sync()


@attack("H22", "page", "a token in the hands of a page")
def _(world, way):
    page = world.blank_page()
    info = page.hello(client_id=page.given.split("/")[1])
    check("eyJ" not in json.dumps(info) and not info.get("reconnection_token"), info)
    page.text({"type": "refresh_token"})
    page.text({"type": "ping"})
    opcode, payload = page.receive()
    check(json.loads(payload) == {"type": "pong"}, payload)


if __name__ == "__main__":
    sys.exit(main())
