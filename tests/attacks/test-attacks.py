#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every known hole of the protocol (hypha-core/docs/attacks.md), tried each way that it has.

What counts is the effect: what the victim received, what can be found afterwards, what is in an
answer. An error alone proves nothing.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import select
import socket
import stat
import sys
import threading
import time
import traceback

from raw import MANAGER, World, merged, pack, pack_pairs, unpack
from server import SECRET, Server
from tokens import claims, mint
from websocket import BINARY, Peer, frame

TROUBLE = re.compile(r"CRITICAL|WARNING \*\*|ERROR:|runtime error:")
ATTACKS = []

# What cannot be tried yet, because what it attacks is not there; has to be empty in the end.
PENDING = {}


def attack(hole, ways, title):
    """Registers a function of (world, way) as one attack for each way."""
    def register(function):
        for way in ways.split():
            ATTACKS.append((f"{hole} {way}: {title}", way, function))
        return function
    return register


def check(condition, detail=""):
    if not condition:
        raise AssertionError(detail)


def check_refused(peer, info):
    """An error, or an end, but no place in a workspace."""
    check(info is None or info["type"] == "error", info)
    check(peer.id is None, peer.id)


def check_all_refused(world, hellos):
    """Each of them by a peer of its own, at once: the throttle keeps refusals waiting."""
    peers = [world.open() for _ in hellos]
    for peer, hello in zip(peers, hellos):
        peer.text(hello)
    for peer in peers:
        check_refused(peer, peer.greeting())


def check_arrives(world, victim):
    """What is public gets there over HTTP: that the rest does not is no accident."""
    path = f"/ws-a/services/{victim.id.split('/')[1]}:public/touch"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(world.post(path, {})), daemon=True)
    thread.start()
    service = {"id": f"{victim.id}:public", "touch": {
        "_rtype": "method", "_rtarget": victim.id, "_rmethod": "services.public.touch",
        "_rpromise": True}}
    while not str(victim.serve(service).get("method")).endswith("public.touch"):
        pass
    thread.join(20)
    check(answers and answers[0][0] == 200, answers)
    victim.log.clear()


def check_no_token(body, subject=None, workspace=None):
    """No token, or one that says nothing but what its bearer was already."""
    for payload in re.findall(rb"eyJ[\w-]*\.(eyJ[\w-]*)\.", body):
        made = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        check((made["sub"], made["workspace"]) == (subject, workspace) and not made["roles"], made)
        check(not made["scope"], made)


def forged(payload, alg="HS256", secret="not the server's"):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    signed = ".".join(part(json.dumps(value).encode()) for value in ({"alg": alg, "typ": "JWT"}, payload))
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{'' if alg == 'none' else part(digest)}"


def legacy(workspace, **more):
    """The claims that an old server took from anybody."""
    return {"sub": "root", "workspace": workspace, "client_id": "root", "scope": "", "roles": ["admin"],
            "https://api.imjoy.io/email": "root@localhost", "https://api.imjoy.io/roles": ["admin"],
            "exp": int(time.time()) + 600, **more}


def forgeries(workspace):
    good = claims(workspace)
    return {"another secret": forged(good), "no algorithm": forged(good, "none"),
            "another algorithm": forged(good, "HS512", SECRET), "legacy": forged(legacy(workspace)),
            "legacy unsigned": forged(legacy(workspace), "none"),
            "lower case": forged(good, "hs256", SECRET), "no signature": mint(workspace).rsplit(".", 1)[0],
            "an empty signature": mint(workspace).rsplit(".", 1)[0] + ".",
            "expired": mint(workspace, iat=1, exp=2), "without end": forged(
                {k: v for k, v in good.items() if k != "exp"}, secret=SECRET),
            "end as text": mint(workspace, exp=str(good["exp"]))}


def services_of(world, workspace="ws-a"):
    """What a member can find, by client and name."""
    member = world.socket(workspace, "alice")
    verb, found = member.manager("list_services", {"workspace": workspace})
    check(verb == "resolve", found)
    return {service["id"].split("@")[0] for service in found}


# Tokens and identities.

@attack("H1", "socket", "tokens that nobody signed")
def _(world, way):
    for workspace in ("ws-a", "default"):
        tokens = forgeries(workspace).values()
        check_all_refused(world, [{"client_id": "root", "workspace": workspace, "token": token}
                                  for token in tokens])
        check_all_refused(world, [{"client_id": "x", "token": token, "reconnection_token": token}
                                  for token in tokens])


@attack("H1", "page", "a page that brings a token")
def _(world, way):
    for token in (mint("ws-a"), *forgeries("ws-a").values()):
        page = world.blank_page()
        page.hello(client_id=page.given.split("/")[1], token=token)
        check(page.id in (None, page.given), page.id)


@attack("H2", "http", "a bearer that is not verified")
def _(world, way):
    victim = world.victim()
    check_arrives(world, victim)
    for name, token in forgeries("ws-a").items():
        _, _, body = world.http("GET", "/ws-a/services", Authorization=f"Bearer {token}")
        check(b"protected" not in body and b"unlisted" not in body, (name, body))
        world.post(f"/ws-a/services/{victim.id.split('/')[1]}:protected/touch", {},
                   Authorization=f"Bearer {token}")
    check(victim.sync() == [], victim.log)


@attack("H3", "http", "a token of root by a forged token of root")
def _(world, way):
    for token in forgeries("default").values():
        for verb in ("generate_token", "generateToken", "register_service"):
            _, _, body = world.post(f"/default/services/ws/{verb}",
                                    {"id": "evil", "workspace": "default"},
                                    Authorization=f"Bearer {token}")
            check(b"eyJ" not in body, body)
    check(not any("evil" in name for name in services_of(world, "default")))


@attack("H4", "http", "the workspace of the URL instead of the own")
def _(world, way):
    victim = world.victim()
    check_arrives(world, victim)
    bearer = {"Authorization": f"Bearer {mint('ws-c', 'mallory')}"}
    before = services_of(world)
    for verb, value in (("register_service", {"id": "evil"}), ("generate_token", {}),
                        ("unregister_service", {"service_id": f"{victim.id}:public"})):
        _, _, body = world.post(f"/ws-a/services/ws/{verb}", value, **bearer)
        check_no_token(body, "mallory", "ws-c")
    world.post(f"/ws-a/services/{victim.id.split('/')[1]}:protected/touch", {}, **bearer)
    _, _, body = world.http("GET", "/ws-a/services", **bearer)
    check(b"protected" not in body and b"unlisted" not in body, body)
    check(services_of(world) >= before, "a service has gone")
    check(not any("evil" in name for name in services_of(world)))
    check(victim.sync() == [], victim.log)


@attack("H4", "socket http", "a token for a workspace that somebody has made anew")
def _(world, way):
    alice = world.socket("ws-user-alice", "alice")
    check(alice.manager("create_workspace", {"id": "team-x"})[0] == "resolve")
    old = mint("ws-user-bob", "bob", scope="ws:team-x#a", iat=int(time.time()) - 1)
    bob = world.open()
    again = bob.hello(client_id="b", token=old)["reconnection_token"]
    handed_on = bob.manager("generate_token", {})[1]
    check(alice.manager("delete_workspace", "team-x")[0] == "resolve")
    check(world.socket("ws-user-eve", "eve").manager("create_workspace", {"id": "team-x"})[0] == "resolve")
    owner = world.open()
    owner.hello(client_id="o", workspace="team-x", token=mint("ws-user-eve", "eve"))
    check(owner.register("hidden", "protected")[0] == "resolve")
    if way == "http":
        for token in (old, handed_on):
            bearer = {"Authorization": f"Bearer {token}"}
            check(b"hidden" not in world.http("GET", "/team-x/services", **bearer)[2])
            check(world.http("GET", "/rpc?client_id=b&workspace=team-x", **bearer)[0] == 403)
    else:
        check_all_refused(world, [{"client_id": "c", "workspace": "team-x", **proof} for proof in (
            {"token": old}, {"token": handed_on}, {"reconnection_token": again})])
        handed = world.open()
        handed.hello(client_id="d", token=handed_on)
        for peer in (bob, handed):
            check(peer.manager("get_workspace_info", "team-x")[0] == "reject")
            check(peer.manager("generate_token", {"workspace": "team-x"})[0] == "reject")
            check(peer.manager("delete_workspace", "team-x")[0] == "reject")
    check(owner.manager("delete_workspace", "team-x")[0] == "resolve")


@attack("H5", "http", "protected services and the manager for anybody")
def _(world, way):
    victim = world.victim()
    check_arrives(world, victim)
    before = services_of(world)
    client = victim.id.split("/")[1]
    for path in (f"{client}:protected/touch", "protected/touch", f"{client}:protected.touch",
                 f"ws-a%2F{client}:protected/touch"):
        world.post(f"/ws-a/services/{path}", {})
        world.http("GET", f"/ws-a/services/{path}")
    for verb, value in (("register_service", {"id": "evil"}), ("generate_token", {}),
                        ("unregister_service", {"service_id": f"{victim.id}:public"})):
        _, _, body = world.post(f"/ws-a/services/ws/{verb}", value)
        check(b"eyJ" not in body, body)
    check(services_of(world) >= before, "a service has gone")
    check(victim.sync() == [], victim.log)


RESERVED = ("root", "workspace-manager", "workspace-manager-2", "workspace-manager-x-1")


@attack("H6", "socket", "the ids of the core itself")
def _(world, way):
    for workspace, names in (("default", RESERVED), ("ws-a", RESERVED[1:])):
        for name in names:
            for extra in ({"client_id": name}, {"token": mint(workspace, client_id=name, cid_bound=True)}):
                peer = world.open()
                info = peer.hello(**{"token": mint(workspace, roles=["admin"]), **extra})
                check(peer.id != f"{workspace}/{name}", info)


@attack("H6", "page", "the ids of the core itself")
def _(world, way):
    for name in RESERVED:
        page = world.blank_page("default")
        check_refused(page, page.hello(client_id=name, workspace="default"))


@attack("H7", "socket", "another client id than the token is bound to")
def _(world, way):
    peer = world.open()
    check_refused(peer, peer.hello(client_id="other", token=mint("ws-a", client_id="mine", cid_bound=True)))


@attack("H7", "socket", "another workspace than the token's")
def _(world, way):
    for workspace in ("ws-b", "default", "public"):
        peer = world.open()
        info = peer.hello(client_id="c", workspace=workspace, token=mint("ws-a"))
        check(peer.id is None, info)


@attack("H7", "socket", "tokens for others, and for another time")
def _(world, way):
    later = int(time.time()) + 3600
    wrong = ({"aud": "other"}, {"aud": None}, {"iss": "other"}, {"nbf": later}, {"iat": later})
    check_all_refused(world, [{"client_id": "c", "token": mint("ws-a", **more)} for more in wrong])


@attack("H7", "socket", "a reconnection token as a token, and the reverse")
def _(world, way):
    peer = world.open()
    info = peer.hello(client_id="first", token=mint("ws-a"))
    again = info["reconnection_token"]
    check_all_refused(world, [{"client_id": "second", "token": again},
                              {"client_id": "first2", "reconnection_token": again},
                              {"client_id": "first", "workspace": "ws-b", "reconnection_token": again},
                              {"client_id": "third", "reconnection_token": mint("ws-a")}])


@attack("H7", "http", "a reconnection token as a bearer")
def _(world, way):
    world.victim()
    info = world.open().hello(client_id="first", token=mint("ws-a"))
    _, _, body = world.http("GET", "/ws-a/services", Authorization=f"Bearer {info['reconnection_token']}")
    check(b"protected" not in body, body)


WIDER = ({"workspace": "ws-a"}, {"workspace": "default"}, {"user_id": "root"}, {"email": "root@localhost"},
         {"roles": ["admin"]}, {"scopes": ["ws:ws-a#a"]}, {"scope": "admin"}, {"expires_in": 10**9},
         {"client_id": "root"}, {"is_root": True}, {"sub": "root"}, {"aud": "x"}, {"iss": "x"})


@attack("H8", "socket", "a token that says more than its maker may")
def _(world, way):
    peer = world.socket()
    for config in WIDER:
        verb, value = peer.manager("generate_token", config)
        if verb == "reject":
            continue
        part = value.split(".")[1]
        made = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        check(made["sub"] == "mallory" and made["workspace"] == "ws-c", made)
        check(made.get("email") in (None, "", "mallory@example.org") and not made.get("roles"), made)
        check("admin" not in str(made.get("scope")) and "ws-a" not in str(made.get("scope")), made)
        check(made["exp"] <= claims()["exp"] + 5 and made["aud"] == "hypha-api", made)


@attack("H8", "page", "a token made by a page")
def _(world, way):
    for config in ({}, *WIDER):
        check(world.page().manager("generate_token", config)[0] == "reject", config)


@attack("H8", "socket", "a token made by nobody")
def _(world, way):
    check(world.anonymous().manager("generate_token", {})[0] == "reject")


@attack("H9", "socket page", "services of others, by their ids")
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


CONTEXT = {"ws": "ws-a", "from": "default/root", "to": MANAGER,
           "user": {"id": "root", "is_anonymous": False, "roles": ["admin"], "scopes": ["*"]}}


@attack("H10", "socket page", "an argument that looks like a context")
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


@attack("H10", "http", "a context in the query or in the body")
def _(world, way):
    check_arrives(world, world.victim())
    query = "context=" + json.dumps(CONTEXT).replace(" ", "").replace('"', "%22")
    for verb in ("generate_token", "register_service"):
        for _, _, body in (world.http("GET", f"/ws-a/services/ws/{verb}?{query}"),
                           world.post(f"/ws-a/services/ws/{verb}", {"id": "evil", "context": CONTEXT}),
                           world.post(f"/ws-a/services/ws/{verb}", CONTEXT)):
            check(b"eyJ" not in body, body)
    check(not any("evil" in name for name in services_of(world)))


# Messages.

@attack("H11", "socket page", "a broadcast into another workspace")
def _(world, way):
    victim = world.victim()
    attacker = world.attacker(way)
    for to in ("ws-a/*", "*/*", "**", "ws-a/**", "/*", "ws-a/*/*"):
        for kind in ("method", "my-event"):
            attacker.message({"type": kind, "to": to, "method": "services.public.touch"}, {"args": []})
    attacker.sync()
    check(victim.sync() == [], victim.log)


@attack("H11", "socket", "a broadcast by nobody")
def _(world, way):
    victim = world.victim()
    for attacker in (world.anonymous(), world.anonymous("public")):
        attacker.message({"type": "method", "to": "ws-a/*", "method": "services.public.touch"}, {"args": []})
        attacker.sync()
    check(victim.sync() == [], victim.log)


SERVER_EVENTS = ("force-exit", "peer_not_found", "error", "connected", "disconnected", "services_registered",
                 "manager_refreshed", "remote_client_disconnected", "service_added", "service_updated",
                 "service_removed", "client_connected", "client_updated", "client_disconnected",
                 "workspace_deleted", "workspace_x")


@attack("H12", "socket page", "events of the core, emitted over RPC")
def _(world, way):
    victim = world.victim()
    victim.manager("subscribe", list(SERVER_EVENTS))
    victim.sync()
    victim.log.clear()
    for attacker in (world.attacker(way), world.attacker(way, "ws-a")):
        victim.sync()
        victim.log.clear()
        for name in (*SERVER_EVENTS, f"{victim.id}:msg", "ws-a/*:msg", "add_window"):
            attacker.manager("emit", name, {"id": "victim", "workspace": "ws-a"})
            attacker.manager("emit", {"type": name, "data": {"forged": True}})
        check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H13", "socket page", "lists of what is protected or unlisted")
def _(world, way):
    world.victim()
    queries = ({"workspace": "ws-a"}, {"workspace": "*"}, {}, "ws-a/*:*", "*", {"workspace": "ws-a", "include_unlisted": True},
               {"workspace": "ws-a", "visibility": "protected"}, {"id": "*/*:protected"})
    attackers = [world.attacker(way)] + ([world.anonymous()] if way == "socket" else [])
    for attacker in attackers:
        for query in queries:
            for more in ((), (True,)):
                verb, found = attacker.manager("list_services", query, *more)
                names = str(found) if verb == "resolve" else ""
                check(":protected" not in names and ":unlisted" not in names, (query, names))


@attack("H13", "http", "lists of what is protected or unlisted")
def _(world, way):
    world.victim()
    for path in ("/ws-a/services", "/*/services", "/ws-a/services?include_unlisted=true",
                 "/ws-a/services?workspace=ws-a&visibility=protected"):
        _, _, body = world.http("GET", path)
        check(b":protected" not in body and b":unlisted" not in body, body)


@attack("H14", "socket page", "the functions of a protected service")
def _(world, way):
    victim = world.victim()
    attackers = [world.attacker(way)] + ([world.anonymous()] if way == "socket" else [])
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


@attack("H16", "socket", "somebody out of nobody by coming back")
def _(world, way):
    first = world.open()
    info = first.hello(client_id="nobody")
    first.close()
    again = world.open()
    info = again.hello(client_id="nobody", workspace=info["workspace"],
                       reconnection_token=info["reconnection_token"])
    check(info["type"] == "error" or info["user"]["is_anonymous"] is True, info)
    if info["type"] != "error":
        check(again.manager("generate_token", {})[0] == "reject")


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


@attack("H18", "socket", "the services of somebody who has gone")
def _(world, way):
    victim = world.victim("ws-a", "gone")
    check(any("gone:" in name for name in services_of(world)))
    victim.close()
    deadline = time.monotonic() + 20
    while any("gone:" in name for name in services_of(world)):
        check(time.monotonic() < deadline, "still listed")
    heir = world.socket("ws-a", "mallory", "gone")
    check(not any("gone:" in name for name in services_of(world)))
    verb, value = heir.manager("get_service", "ws-a/gone:public")
    check(verb == "reject" or not value, value)


@attack("H19", "socket", "a secret that can be guessed")
def _(world, way):
    guesses = ("", "secret", "hypha-core-default-secret-", "hypha-core-default-secret-0.5")
    check_all_refused(world, [{"client_id": "c", "token": forged(claims("ws-a"), secret=secret)}
                              for secret in guesses])
    with own_server(secret=None) as server, World(server) as other:
        files = [os.path.join(folder, name) for folder, _, names in os.walk(server.home.name)
                 for name in names if "secret" in name]
        check(files, "no file with a secret")
        for path in files:
            check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, oct(os.stat(path).st_mode))
            with open(path, "rb") as file:
                check(len(file.read()) >= 32)
        peer = other.open()
        check_refused(peer, peer.hello(client_id="c", token=mint("ws-a")))


@attack("H20", "socket", "what another server in the process knows")
def _(world, way):
    victim = world.victim()
    with own_server() as server, World(server) as other:
        check(not any("victim" in name for name in services_of(other)), "seen by another server")
        member = other.socket("ws-a")
        verb, value = member.call(victim.id, "services.public.touch")
        check(verb == "reject", value)
    check(not any(merged(f).get("method") == "services.public.touch" for f in victim.sync()))


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


@attack("H24", "socket", "frames, messages, services and pieces without end")
def _(world, way):
    peer = world.socket()
    peer.send(frame(BINARY, b"", length=1 << 40))
    check(peer.closed())
    peer = world.socket()
    refused = [peer.call(MANAGER, "services.built-in.message_cache.create", f"k{i}")[0] for i in range(70)]
    check(refused[0] == "resolve" and refused[-1] == "reject", refused)
    verb, _ = peer.register("large", "public", docs="x" * (2 << 20))
    check(verb == "reject")
    events = [peer.manager("subscribe", f"event{i}")[0] for i in range(300)]
    check(events[0] == "resolve" and events[-1] == "reject")


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
        for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
            for config in ({"src": f"http://{host}:{port}/x.imjoy.html"}, f"http://{host}:{port}/x.imjoy.html"):
                attacker.manager("load_app", config)
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


# The second segment.

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
    if way == "socket":
        yield world.anonymous()
        yield world.anonymous("public")


def head(victim, **more):
    return {"type": "method", "to": victim.id, "method": "services.public.touch", **more}


@attack("H27", "socket page", "from in the second segment")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        for wide in (False, True):
            attacker.message(head(victim), {"args": [], "from": "ws-a/root"}, wide)
            attacker.message(head(victim), {"from": "ws-a/root"}, wide)
        attacker.sync()
        only_own(victim, attacker)


@attack("H27", "socket page", "every other key in the second segment")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        for name, value in FORGED.items():
            for wide in (False, True):
                attacker.message(head(victim), {"args": [], name: value}, wide)
        attacker.sync()
        only_own(victim, attacker)
        check(victim.log == [], victim.log)


@attack("H27", "socket page", "every key in the first segment")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        for name, value in FORGED.items():
            if name not in ("to", "type", "method"):
                attacker.message({name: value, **head(victim), name: value}, {"args": []})
        attacker.sync()
        for data in victim.sync():
            message = merged(data)
            check(message["from"] == attacker.id and message["ws"] == attacker.id.split("/")[0], message)
            check(message["user"]["id"] != "root" and "ctx" not in unpack(data)[0], message)
            check("caller_public_key" not in message and "reason" not in message, message)


@attack("H27", "socket page", "keys that come twice")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        call = [("type", "method"), ("to", victim.id), ("method", "services.public.touch")]
        for main in ([*call, ("from", "a"), ("from", "ws-a/root")], [("from", "ws-a/root"), *call, ("from", "x")],
                     [*call, ("to", "ws-b/x")], [*call, ("type", "force-exit")], [("user", {"id": "root"}), *call, ("user", {"id": "root"})],
                     [*call, ("ws", "ws-a"), ("ws", "ws-a")]):
            attacker.raw(pack_pairs(*main) + pack({"args": []}))
        for extra in ([("args", []), ("args", [1])], [("args", []), ("from", "ws-a/root"), ("args", [])]):
            attacker.raw(pack_pairs(*call) + pack_pairs(*extra))
        attacker.sync()
        for data in victim.sync():
            seen = []
            import msgpack
            unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=lambda pairs: (seen.append(pairs), dict(pairs))[1])
            unpacker.feed(data)
            list(unpacker)
            for pairs in seen:
                check(len({name for name, _ in pairs}) == len(pairs), pairs)
        only_own(victim, attacker)


@attack("H27", "socket page", "keys in other clothes")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
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


@attack("H27", "socket page", "a third segment, half of one, and other things than maps")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        call = pack(head(victim))
        evil = pack({"from": "ws-a/root"})
        for rest in (pack({"args": []}) + evil, b"\x80" + evil, b"\xc0" + evil, pack([["from", "ws-a/root"]]), evil[:-2],
                     pack("from"), b"\xc1", pack({"args": []}) + b"\x00", b"\xc0", b"\xdf\xff\xff\xff\xff" + evil[1:]):
            attacker.raw(call + rest)
        attacker.sync()
        only_own(victim, attacker)
        check(victim.log == [], victim.log)


@attack("H27", "socket page", "events whose second segment says who sent them")
def _(world, way):
    attacker = world.attacker(way, "ws-a")
    victim = world.victim()
    for name in ("from", "type", "to", "ws", "user", "ctx", "method", "session", "parent"):
        for wide in (False, True):
            attacker.message({"type": "my-event", "to": victim.id}, {"data": 1, name: FORGED[name]}, wide)
    attacker.sync()
    check(victim.sync() == [], [merged(f) for f in victim.log])


class Stock:
    """A victim with the stock client of Python, which puts pieces together and merges segments."""

    def __init__(self, url):
        self.touched = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.client = self.run(self.connect(url))
        self.id = f"ws-a/{self.client.config['client_id']}"

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def connect(self, url):
        from hypha_rpc import connect_to_server

        client = await connect_to_server({"server_url": url, "workspace": "ws-a", "token": mint("ws-a")})
        for name, visibility in (("secret", "protected"), ("open", "public")):
            def touch(*args, context=None):
                self.touched.append((context["from"], context["ws"], (context.get("user") or {}).get("id")))
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


def stock_victim(world):
    victim = Stock(world.server.url)
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
    for caller, workspace, user in victim.touched:
        check((caller, workspace) == (attacker.id, attacker.id.split("/")[0]) and user != "root", victim.touched)


def both(world, way):
    """A stock victim for an attacker from elsewhere, and one for another member."""
    for workspace in ("ws-c", "ws-a"):
        yield stock_victim(world), world.attacker(way, workspace)


@attack("H27", "socket page", "forged keys in pieces")
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


@attack("H27", "socket page", "pieces that are checked and others that are kept")
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
        cache(attacker, victim, "process", "ctx", False, {"from": victim.id, "to": victim.id, "ws": "ws-a", "user": {"id": "root"}})
        check_stock(victim, attacker)


@attack("H27", "socket page", "forged keys in pieces for everybody")
def _(world, way):
    victim, attacker = stock_victim(world), world.attacker(way, "ws-a")
    _, evil, _, _ = pieces_of(victim)
    for target in ("*", "ws-a/*"):
        for verb, args in (("create", ()), ("append", (evil,)), ("process", ())):
            outcome, said = attacker.call(target, f"services.built-in.message_cache.{verb}", "all", *args, False)
            check(outcome == "reject" and "to one client" in str(said), said)
    check_stock(victim, attacker)


@attack("H27", "socket page", "pieces by another name")
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


@attack("H27", "socket page", "pieces that are left below others")
def _(world, way):
    for victim, attacker in both(world, way):
        good, _, main, _ = pieces_of(victim)
        merged_later = pack({"type": "method", "to": victim.id, "method": "services.secret.touch", "from": victim.id})
        # A whole message that the receiver does not process, and a second one that becomes its extra.
        cache(attacker, victim, "create", "k", False)
        cache(attacker, victim, "append", "k", main("services.secret.touch"), False)
        cache(attacker, victim, "process", "k", True)
        cache(attacker, victim, "create", "k", False)
        cache(attacker, victim, "append", "k", merged_later, False)
        cache(attacker, victim, "process", "k", False)
        # The same by somebody who goes in between.
        first = world.attacker(way, attacker.id.split("/")[0])
        cache(first, victim, "create", "left", False)
        cache(first, victim, "append", "left", main("services.secret.touch"), False)
        first.close()
        deadline = time.monotonic() + 20
        while attacker.call(first.id, "services.built-in.ping", "x")[1] is not None and time.monotonic() < deadline:
            if "not connected" in str(attacker.call(first.id, "services.built-in.ping", "x")[1]):
                break
        cache(attacker, victim, "create", "left", False)
        cache(attacker, victim, "append", "left", merged_later, False)
        cache(attacker, victim, "process", "left", False)
        check_stock(victim, attacker)


@attack("H27", "socket page", "forged keys in pieces for the manager")
def _(world, way):
    world.victim()
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


@attack("H28", "socket page", "events that only the server sends")
def _(world, way):
    for attacker in attackers_of(world, way):
        victim = world.victim()
        for name in SERVER_EVENTS:
            for to in (victim.id, "*", "ws-a/*", victim.id.split("/")[1]):
                attacker.message({"type": name, "from": MANAGER, "to": to, "reason": "go", "peer_id": "x",
                                  "data": {"id": "victim", "workspace": "ws-a"}, "session": "s"})
                attacker.message({"type": name, "to": to}, {"data": {"id": "x"}}, True)
        attacker.sync()
        check(victim.sync() == [], [merged(f) for f in victim.log])


@attack("H28", "socket page", "events of one's own in another workspace")
def _(world, way):
    victim = world.victim()
    attacker = world.attacker(way)
    for name in ("my-event", "log", "custom", "ws-a/victim:msg"):
        attacker.message({"type": name, "to": victim.id, "data": 1})
    attacker.sync()
    check(victim.sync() == [], [merged(f) for f in victim.log])


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


@attack("H29", "socket page", "from a promise to the program that made it")
def _(world, way):
    for victim, attacker in both(world, way):
        session = session_of(victim, attacker)
        attacker.call(victim.id, f"{session}.timer._task._loop.stop")
        for name in ("resolve.constructor", "f.call", "_promise_manager.x", "heartbeat_task.cancel"):
            verb, value = attacker.call(victim.id, f"{session}.{name}")
            check(verb == "reject" and "does not name what a client serves" in value["_rvalue"], value)
        check(attacker.call(victim.id, "services.built-in.ping", "ping") == ("resolve", "pong"), "stopped")


@attack("H29", "socket page", "a parent among services and classes")
def _(world, way):
    for victim, attacker in both(world, way):
        promise = {"_rtype": "method", "_rtarget": attacker.id, "_rmethod": "k.resolve", "_rpromise": True}
        for parent in ("services.built-in", "services", "message_cache", "__proto__"):
            attacker.message({"type": "method", "to": victim.id, "method": "services.built-in.ping",
                              "session": "k", "parent": parent},
                             {"args": ["ping"], "promise": {"resolve": promise, "reject": promise}})
        verb, value = attacker.call(victim.id, "services.built-in.get_service", "built-in")
        check(verb == "resolve" and "ping" in value, value)


class HostServer(Server):
    """With a second port, for pages, where the program has one."""

    pages = None

    def start(self):
        super().start()
        line = self._first_line()
        match = re.match(r"pages: (\d+)", line)
        check(match, f"no port for pages, but {line!r}")
        self.pages = int(match[1])
        return self


def own_server(**options):
    return HostServer(**options)


def run(server):
    number = failed = 0
    for title, way, function in ATTACKS:
        number += 1
        try:
            with World(server) as world:
                function(world, way)
            print(f"ok {number} - {title}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {title}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    return number, failed


def main():
    with own_server() as server:
        number, failed = run(server)
        lived = server.process.poll() is None
        ended = server.stop()
        errors = server.stderr()
    for ok, title, detail in ((lived and ended == 0, "the server lived through it and exited with 0", ended),
                              (not TROUBLE.search(errors), "the server had no complaint of its own", errors),
                              (not PENDING, "nothing is left to be tried", PENDING)):
        number += 1
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {number} - {title}")
        if not ok:
            for line in str(detail).splitlines():
                print(f"# {line}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
