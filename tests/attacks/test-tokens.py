#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tokens that are forged, stolen or stretched, and who they make somebody: H1, H2, H4, H6 to H8, H16 and H19."""

import base64
import os
import stat
import sys
import threading
import time

from harness import HostServer, attack, check, check_all_refused, check_arrives, check_refused, main, services_of
from minting import WIDER, check_narrow, check_no_token, forged, forgeries
from raw import World, merged
from server import SECRET
from tokens import claims, mint


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


@attack("H7", "socket", "a token that was revoked, over connections that are open")
def _(world, way):
    boss, victim = world.socket("ws-a", "boss", scope="ws:ws-a#a"), world.victim()
    stolen = mint("ws-a", "carol")
    thief, helper = world.open(), world.open()
    again = thief.hello(client_id="thief", token=stolen)["reconnection_token"]
    made = thief.manager("generate_token", {})[1]
    helper.hello(client_id="helper", token=made)
    check(thief.register("trap", "public")[0] == "resolve")
    touch = {"type": "method", "to": victim.id, "method": "services.protected.touch"}
    thief.message(touch, {"args": []})
    thief.sync()
    check(len(victim.sync()) == 1, "not even before that")
    check(boss.manager("revoke_token", stolen)[0] == "resolve")
    # What was on its way already counts no more than what they hear now.
    for peer in (thief, helper):
        peer.message(touch, {"args": []})
        victim.message({"type": "method", "to": peer.id, "method": "services.built-in.ping"}, {"args": ["secret"]})
        check(peer.closed(), f"{peer.id} is still there")
        check(not any(b"secret" in data for data in peer.log), peer.log)
    check(len(victim.sync()) == 1, victim.log)
    check(not any("trap" in name for name in services_of(world)))
    check_all_refused(world, [{"client_id": "x", "token": stolen}, {"client_id": "y", "token": made},
                              {"client_id": "thief", "reconnection_token": again}])


@attack("H7", "http", "a token that was revoked, as a bearer")
def _(world, way):
    boss, victim = world.socket("ws-a", "boss", scope="ws:ws-a#a"), world.victim()
    stolen = mint("ws-a", "dave")
    made = world.open()
    made.hello(client_id="maker", token=stolen)
    tokens = (stolen, made.manager("generate_token", {})[1])
    for token in tokens:
        check(b"protected" in world.http("GET", "/ws-a/services", Authorization=f"Bearer {token}")[2], "not before that")
    check(boss.manager("revoke_token", stolen)[0] == "resolve")
    path = f"/ws-a/services/{victim.id.split('/')[1]}:protected"
    for token in tokens:
        for scheme in (f"Bearer {token}", "Basic " + base64.b64encode(f"x:{token}".encode()).decode()):
            _, _, body = world.http("GET", "/ws-a/services", Authorization=scheme)
            check(b"protected" not in body and b"unlisted" not in body, body)
            check(world.http("GET", path, Authorization=scheme)[0] == 401)
            check(world.post(f"{path}/touch", {}, Authorization=scheme)[0] == 401)
            check_no_token(world.post("/ws-a/services/ws/generate_token", {}, Authorization=scheme)[2])
    check(victim.sync() == [], victim.log)


@attack("H7", "http", "a token that was revoked, for a call that is not answered yet")
def _(world, way):
    boss, victim = world.socket("ws-a", "boss", scope="ws:ws-a#a"), world.victim()
    stolen = mint("ws-a", "frank")
    answers = []
    path = f"/ws-a/services/{victim.id.split('/')[1]}:protected/touch"
    bearer = {"Authorization": f"Bearer {stolen}"}
    thread = threading.Thread(target=lambda: answers.append(world.post(path, {}, **bearer)), daemon=True)
    thread.start()
    service = {"id": f"{victim.id}:protected", "touch": {
        "_rtype": "method", "_rtarget": victim.id, "_rmethod": "services.protected.touch", "_rpromise": True}}
    victim.serve(service)
    call = merged(victim.receive()[1])
    check(call["method"] == "services.protected.touch", call)
    check(boss.manager("revoke_token", stolen)[0] == "resolve")
    victim.message({"type": "method", "to": call["from"], "method": f"{call['session']}.resolve",
                    "parent": call["session"]}, {"args": ["secret"]})
    thread.join(20)
    check(answers and answers[0][0] == 401 and b"secret" not in answers[0][2], answers)


@attack("H7", "http", "a token that was revoked, over a stream that is open")
def _(world, way):
    boss, victim = world.socket("ws-a", "boss", scope="ws:ws-a#a"), world.victim()
    stolen = mint("ws-a", "erin")
    thief = world.stream(stolen, client_id="thief", workspace="ws-a")
    again = thief.info["reconnection_token"]
    check(thief.register("trap", "public")[0] == "resolve")
    touch = {"type": "method", "to": victim.id, "method": "services.protected.touch"}
    thief.message(touch, {"args": []})
    check(len(victim.sync()) == 1, "not even before that")
    check(boss.manager("revoke_token", stolen)[0] == "resolve")
    thief.message(touch, {"args": []})
    check(thief.status in (400, 401), thief.status)
    victim.message({"type": "method", "to": thief.id, "method": "services.built-in.ping"}, {"args": ["secret"]})
    check(thief.ended(), "the stream goes on")
    check(not any(b"secret" in data for data in thief.log), thief.log)
    check(len(victim.sync()) == 1, victim.log)
    check(not any("trap" in name for name in services_of(world)))
    for query, token in (("", stolen), (f"&reconnection_token={again}", None)):
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        check(world.http("GET", f"/rpc?client_id=thief&workspace=ws-a{query}", **bearer)[0] == 401)


@attack("H8", "socket", "a token that says more than its maker may")
def _(world, way):
    peer = world.socket()
    for config in WIDER:
        verb, value = peer.manager("generate_token", config)
        if verb == "reject":
            continue
        check_narrow(value)


@attack("H8", "page", "a token made by a page")
def _(world, way):
    for config in ({}, *WIDER):
        check(world.page().manager("generate_token", config)[0] == "reject", config)


@attack("H8", "socket", "a token made by nobody")
def _(world, way):
    check(world.anonymous().manager("generate_token", {})[0] == "reject")


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


def secrets_of(server):
    """What its cores have made for themselves, where nobody else can read it; the first is the server's."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(server.home.name)
             for name in names if "secret" in name]
    secrets = []
    for path in sorted(paths, key=lambda path: not path.startswith(f"{server.home.name}/data/")):
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, oct(os.stat(path).st_mode))
        with open(path, encoding="ascii") as file:
            secrets.append(file.read().strip())
        check(len({*secrets[-1]}) > 8 and len(secrets[-1]) >= 32, "not a random one")
    check(secrets, "no file with a secret")
    return secrets


@attack("H19", "socket", "a secret that can be guessed")
def _(world, way):
    guesses = ("", "secret", "hypha-core-default-secret-", "hypha-core-default-secret-0.5")
    check_all_refused(world, [{"client_id": "c", "token": forged(claims("ws-a"), secret=secret)}
                              for secret in guesses])
    with HostServer(secret=None) as server, HostServer(secret=None) as second:
        secrets = secrets_of(server) + secrets_of(second)
        check(len({*secrets}) == len(secrets), "two have the same secret")
        own, other = secrets_of(server)[0], secrets_of(second)[0]
        for place, secret, refused in ((server, own, False), (second, other, False), (server, other, True),
                                       (second, own, True), (server, SECRET, True)):
            with World(place) as inner:
                peer = inner.open()
                peer.hello(client_id="c", token=mint("ws-a", secret=secret))
                check((peer.id is None) == refused, peer.id)


if __name__ == "__main__":
    sys.exit(main())
