#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manager over HTTP: H3 to H5, H8 to H10, H13, H14 and H25.

A caller is a client for as long as its call takes, so what it got is looked for in the answer, too.
"""

import json
import socket
import sys
import urllib.parse

from harness import CONTEXT, HIDDEN, INSIDE, NOT_FETCHED, attack, check, check_arrives, main, services_of
from minting import WIDER, check_narrow, claims_of, forgeries
from tokens import mint

EVIL = {"id": "evil", "config": {"visibility": "public", "workspace": "ws-a"}}


def own_token(world):
    """A token for ws-c, with which calls of the forms below work at home."""
    token = mint("ws-c", "mallory")
    for args in ({"service": {"id": "mine"}}, [{"id": "mine"}]):
        status, made = world.manage("ws-c", "register_service", args, token)
        check(status == 501 and not made["success"], made)
    for args in ({"config": {"expires_in": 60}}, [{"expires_in": 60}]):
        status, made = world.manage("ws-c", "generate_token", args, token)
        check(status == 200 and claims_of(made)["sub"] == "mallory", made)
    for args in ({"query": {"workspace": "ws-c"}}, [{"workspace": "ws-c"}]):
        check(world.manage("ws-c", "list_services", args, token)[0] == 200, args)
    return token


def calls_for(victim):
    """What would take something in ws-a, or give something there."""
    client = victim.id.split("/")[1]
    yield from (("register_service", args) for args in (
        {"service": EVIL}, [EVIL], [{**EVIL, "id": f"{victim.id}:evil"}], [{**EVIL, "id": f"{client}:evil"}]))
    yield from (("generate_token", args) for args in ({"config": {"workspace": "ws-a"}}, [{"workspace": "ws-a"}], [{}]))
    yield from (("unregister_service", [name]) for name in (f"{victim.id}:public", f"{client}:public"))


def check_own(verb, status, value, workspace="ws-c"):
    """What it did, it did for the caller alone."""
    check(status in (200, 400, 403, 404, 501), value)
    check(status != 200 or verb not in ("register_service", "unregister_service"), "a request serves nothing")
    if status == 200 and verb == "generate_token":
        check_narrow(value, "mallory", workspace)


def check_kept(world, before):
    after = services_of(world)
    check(after >= before, "a service has gone")
    check(not any("evil" in name for name in after | services_of(world, "default")), after)


@attack("H3", "http", "a token of root by a forged token of root")
def _(world, way):
    victim = world.victim()
    before = services_of(world)
    own_token(world)
    for token in forgeries("default").values():
        for verb, args in (("generateToken", [{}]), *calls_for(victim)):
            status, value = world.manage("default", verb, args, token)
            check(status in (401, 429) and "eyJ" not in str(value), value)
    # A good one that says that it is root's, which is not how one becomes it.
    for more in ({}, {"client_id": "root"}, {"client_id": "root", "cid_bound": True}):
        token = mint("default", "root", **more)
        for verb, args in calls_for(victim):
            status, value = world.manage("default", verb, args, token)
            check(status in (400, 401, 403) or "ws-a" not in str(value), value)
            check(not str(value).startswith("eyJ") or claims_of(value)["workspace"] == "default", value)
    check_kept(world, before)


@attack("H4", "http", "the workspace of the URL instead of the own")
def _(world, way):
    victim = world.victim()
    check_arrives(world, victim)
    token = own_token(world)
    bearer = {"Authorization": f"Bearer {token}"}
    before = services_of(world)
    for verb, args in calls_for(victim):
        check_own(verb, *world.manage("ws-a", verb, args, token))
    world.post(f"/ws-a/services/{victim.id.split('/')[1]}:protected/touch", {}, **bearer)
    _, _, body = world.http("GET", "/ws-a/services", **bearer)
    check(b"protected" not in body and b"unlisted" not in body, body)
    check_kept(world, before)
    check(victim.sync() == [], victim.log)


@attack("H5", "http", "protected services and the manager for anybody")
def _(world, way):
    victim = world.victim()
    check_arrives(world, victim)
    own_token(world)
    before = services_of(world)
    client = victim.id.split("/")[1]
    for path in (f"{client}:protected/touch", "protected/touch", f"{client}:protected.touch",
                 f"ws-a%2F{client}:protected/touch"):
        world.post(f"/ws-a/services/{path}", {})
        world.http("GET", f"/ws-a/services/{path}")
    for workspace in ("ws-a", "default", "public"):
        for verb, args in calls_for(victim):
            status, value = world.manage(workspace, verb, args)
            check(status == 403 and "eyJ" not in str(value), value)
    check_kept(world, before)
    check(victim.sync() == [], victim.log)


@attack("H8", "http", "a token that says more than its maker may")
def _(world, way):
    token = own_token(world)
    for config in WIDER:
        for args in ([config], {"config": config}):
            status, value = world.manage("ws-c", "generate_token", args, token)
            if status == 200:
                check_narrow(value)
        check(world.manage("ws-c", "generate_token", [config])[0] == 403, config)


@attack("H9", "http", "services of others, by their ids")
def _(world, way):
    victim = world.victim()
    client = victim.id.split("/")[1]
    own_token(world)
    before = services_of(world)
    for workspace in ("ws-c", "ws-a", "default"):
        token = mint(workspace, "mallory")
        for name in (f"{victim.id}:evil", f"{client}:evil", f"{victim.id}:built-in", f"{client}:built-in",
                     "x:built-in", "ws-a/evil", "default/root:evil", "*/workspace-manager:evil",
                     "workspace-manager:default", f"{victim.id}:public", f"{client}:public@app"):
            for args in ([{**EVIL, "id": name}], {"service": {**EVIL, "id": name}}):
                check_own("register_service", *world.manage(workspace, "register_service", args, token), workspace)
        for name in (f"{victim.id}:public", f"{client}:public", "default/root:default"):
            world.manage(workspace, "unregister_service", [name], token)
    check_kept(world, before)


@attack("H10", "http", "a context in the query or in the body")
def _(world, way):
    victim = world.victim()
    check_arrives(world, victim)
    own, wanted = own_token(world), {"workspace": "ws-a"}
    before = services_of(world)
    query = urllib.parse.urlencode({"context": json.dumps(CONTEXT)})
    calls = [("generate_token", args) for args in (
        [wanted, CONTEXT], [{}, CONTEXT], [CONTEXT], [None, None, CONTEXT], {"config": wanted, "context": CONTEXT})]
    calls += [("register_service", args) for args in (
        [EVIL, {}, CONTEXT], [CONTEXT], {"service": EVIL, "context": CONTEXT}, {"service": EVIL, "ctx": CONTEXT})]
    calls += [("unregister_service", [f"{victim.id}:public", CONTEXT])]
    for token in (own, None):
        for workspace in ("ws-a", "ws-c"):
            for verb, args in calls:
                status, value = world.manage(workspace, verb, args, token)
                check_own(verb, status, value)
                check_own(verb, *world.manage(workspace, f"{verb}?{query}", args, token))
                check(token or status == 403, value)
            for args in ([wanted, CONTEXT], {"query": wanted, "context": CONTEXT}):
                for path in ("list_services", f"list_services?{query}"):
                    status, found = world.manage(workspace, path, args, token)
                    check(status != 200 or "protected" not in str(found), found)
    check_kept(world, before)


QUERIES = ({"workspace": "ws-a"}, {"workspace": "*"}, {}, "ws-a/*:*", "*",
           {"workspace": "ws-a", "include_unlisted": True},
           {"workspace": "ws-a", "visibility": "protected"}, {"id": "*/*:protected"},
           {"type": "built-in"}, "*/*:built-in", {"workspace": "ws-a", "type": "built-in"})


def check_hidden(found):
    names = [service["id"] for service in found if service["id"].startswith("ws-a/")] if isinstance(found, list) else ""
    check(not any(name in str(names) for name in HIDDEN), names)


@attack("H13", "http", "lists of what is protected or unlisted, and of who is there")
def _(world, way):
    victim = world.victim()
    for path in ("/ws-a/services", "/*/services", "/ws-a/services?include_unlisted=true",
                 "/ws-a/services?workspace=ws-a&visibility=protected"):
        _, _, body = world.http("GET", path)
        check(not any(name.encode() in body for name in HIDDEN), body)
    for token in (own_token(world), None):
        check(f"{victim.id}:public" in str(world.manage("ws-a", "list_services", [QUERIES[0]], token)))
        for query in QUERIES:
            for args in ([query], [query, True], {"query": query}, {"query": query, "include_unlisted": True}):
                for workspace in ("ws-a", "ws-c"):
                    check_hidden(world.manage(workspace, "list_services", args, token)[1])
        for query in ("ws-a/*:built-in", "*/*:built-in", {"id": "built-in", "workspace": "ws-a"}):
            for verb in ("get_service_info", "get_service"):
                check("victim" not in str(world.manage("ws-a", verb, [query], token)[1]), query)
    hidden = world.socket("ws-private", "alice", "hidden-laptop")
    check(hidden.register("built-in", "public", type="built-in")[0] == "resolve")
    for end in ("info", "services", "services/built-in", "openapi.json"):
        there = world.http("GET", f"/ws-private/{end}")
        absent = world.http("GET", f"/ws-nowhere/{end}")
        check((there[0], there[2].replace(b"ws-private", b"ws-nowhere")) == (absent[0], absent[2]), there)


@attack("H14", "http", "the functions of a protected service")
def _(world, way):
    victim = world.victim()
    client = victim.id.split("/")[1]
    for token in (own_token(world), None):
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        check(world.manage("ws-a", "get_service_info", [f"{victim.id}:public"], token)[0] == 200)
        for verb in ("get_service", "get_service_info"):
            for name in (f"{victim.id}:protected", {"id": f"{victim.id}:protected"}, "ws-a/*:protected", "protected"):
                status, value = world.manage("ws-a", verb, [name], token)
                check(status != 200 or not value, value)
        for name in (f"{client}:protected", "protected"):
            status, _, body = world.http("GET", f"/ws-a/services/{name}", **bearer)
            check(status in (403, 404) and b"touch" not in body, body)
    check(victim.sync() == [], victim.log)


@attack("H25", "http", "an address inside the network, fetched by the server")
def _(world, way):
    token = own_token(world)
    with socket.create_server(("127.0.0.1", 0)) as inside:
        for host in INSIDE:
            source = f"http://{host}:{inside.getsockname()[1]}/x.imjoy.html"
            for args in ([{"src": source}], [source], {"config": {"src": source}}):
                status, value = world.manage("ws-c", "load_app", args, token)
                check(status != 200 and NOT_FETCHED.search(str(value)), value)
                check(world.manage("ws-c", "load_app", args)[0] == 403)
        inside.settimeout(0)
        try:
            inside.accept()
        except BlockingIOError:
            return
        check(False, "the server has connected")


if __name__ == "__main__":
    sys.exit(main())
