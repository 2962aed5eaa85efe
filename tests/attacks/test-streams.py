#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients of `transport: "http"` who would be somebody else: H1, H6, H15, H16 and H17 over GET and POST."""

import concurrent.futures
import sys
import time
import urllib.parse

from harness import attack, check, main
from minting import forgeries
from raw import merged, pack
from tokens import mint

RESERVED = ("root", "workspace-manager", "workspace-manager-2", "workspace-manager-x-1")


def try_all(world, hellos):
    """The streams that came of them, at once: the throttle keeps refusals waiting."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda hello: world.try_stream(**hello), hellos))


def check_none(world, hellos):
    for hello, stream in zip(hellos, try_all(world, hellos)):
        check(stream.id is None and stream.status in (400, 401, 403, 409, 429), (hello, stream.info))


def touch(victim):
    return {"type": "method", "to": victim.id, "method": "services.protected.touch"}


def post_as(world, peer, message, token=None, **query):
    """Status of a POST that says it is the peer's."""
    workspace, client = peer.split("/")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    query = urllib.parse.urlencode({"client_id": client, "workspace": workspace, **query})
    return world.http("POST", f"/rpc?{query}", pack(message) + pack({"args": ["secret"]}), **headers)[0]


def check_posts_arrive(world, victim):
    """What its own user posts for it, gets there: that the rest does not is no accident."""
    check(post_as(world, victim.id, touch(victim), mint("ws-a", "alice")) == 200)
    check([merged(data)["from"] for data in victim.sync()] == [victim.id], victim.log)
    victim.log.clear()


@attack("H1", "stream", "tokens that nobody signed")
def _(world, way):
    for workspace in ("ws-a", "default"):
        hellos = [{"client_id": "root", "workspace": workspace, **proof} for token in forgeries(workspace).values()
                  for proof in ({"token": token}, {"reconnection_token": token})]
        check_none(world, hellos)
    victim = world.victim(way=way)
    check_posts_arrive(world, victim)
    for token in forgeries("ws-a").values():
        check(post_as(world, victim.id, touch(victim), token) in (401, 429))
        check(post_as(world, victim.id, touch(victim), None, reconnection_token=token) in (401, 429))
    check(victim.sync() == [], victim.log)


@attack("H6", "stream", "the ids of the core itself")
def _(world, way):
    victim = world.victim(way=way)
    for workspace, names in (("default", RESERVED), ("ws-a", RESERVED[1:])):
        for name in names:
            bound = mint(workspace, client_id=name, cid_bound=True)
            for token in (mint(workspace, roles=["admin"]), bound):
                stream = world.try_stream(token, client_id=name, workspace=workspace)
                check(stream.id is None and stream.status == 403, (name, stream.info))
                check(post_as(world, f"{workspace}/{name}", touch(victim), token) != 200, name)
            check(world.try_stream(bound).id is None, name)
    check(post_as(world, "*/workspace-manager", touch(victim), mint("ws-a", roles=["admin"])) != 200)
    check(victim.sync() == [], victim.log)


@attack("H15", "stream", "names that are patterns or addresses")
def _(world, way):
    for name in ("*", "a:b", "a/b", "a@b", "../x", " ", "a\n", "a\u0000b", ".x", "x" * 129, "\u0430"):
        check_none(world, [{"client_id": name, "token": mint("ws-a")}, {"client_id": "c", "token": mint(name)},
                           {"client_id": "c", "workspace": name}])


@attack("H16", "stream", "somebody out of nobody by coming back")
def _(world, way):
    first = world.stream(client_id="nobody")
    hello = {"client_id": "nobody", "workspace": first.info["workspace"],
             "reconnection_token": first.info["reconnection_token"]}
    first.close()
    deadline = time.monotonic() + 20
    while not (again := world.try_stream(**hello)).id:
        check(time.monotonic() < deadline, again.info)
    check(again.info["user"]["is_anonymous"] is True, again.info)
    check(again.manager("generate_token", {})[0] == "reject")


@attack("H17", "stream", "the id of somebody who is there")
def _(world, way):
    victim = world.victim(way=way)
    client = victim.id.split("/")[1]
    check_posts_arrive(world, victim)
    check_none(world, [{"client_id": client, "workspace": "ws-a", "token": token}
                       for token in (mint("ws-a", "mallory"), mint("ws-c", "mallory"), None)])
    # The same user: the holder is asked whether it lives, and does.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        same = pool.submit(world.try_stream, mint("ws-a", "alice"), client_id=client, workspace="ws-a")
        check(victim.serve()["method"] == "services.built-in.ping")
        check(same.result(20).status == 409, same.result().info)
    victim.log.clear()
    other = world.stream(mint("ws-a", "mallory"), client_id="other", workspace="ws-a")
    for token in (mint("ws-a", "mallory"), mint("ws-c", "mallory"), mint("ws-a", "alice", client_id="x", cid_bound=True),
                  mint("ws-c", "alice"), None):
        check(post_as(world, victim.id, touch(victim), token) in (401, 403), token)
    again = {"reconnection_token": other.info["reconnection_token"]}
    check(post_as(world, victim.id, touch(victim), **again) in (401, 403))
    check(victim.sync() == [], victim.log)


if __name__ == "__main__":
    sys.exit(main())
