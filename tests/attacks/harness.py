# SPDX-License-Identifier: MIT
"""What the attacks have in common: how one is named, run and judged.

What counts is the effect: what the victim received, what can be found afterwards, what is in an
answer. An error alone proves nothing.
"""

import re
import sys
import threading
import traceback

from raw import MANAGER, World
from server import Server

TROUBLE = re.compile(r"CRITICAL|WARNING \*\*|ERROR:|runtime error:")
ATTACKS = []


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


def nobodies(world, way):
    """Anonymous clients; the public workspace takes none over a stream, and no page is one."""
    if way != "page":
        yield world.nobody(way)
    if way == "socket":
        yield world.nobody(way, "public")


def services_of(world, workspace="ws-a"):
    """What a member can find, by client and name."""
    member = world.socket(workspace, "alice")
    verb, found = member.manager("list_services", {"workspace": workspace})
    check(verb == "resolve", found)
    return {service["id"].split("@")[0] for service in found}


# What somebody says who wants to be taken for the core.
CONTEXT = {"ws": "ws-a", "from": "default/root", "to": MANAGER,
           "user": {"id": "root", "is_anonymous": False, "roles": ["admin"], "scopes": ["*"]}}

SERVER_EVENTS = ("force-exit", "peer_not_found", "error", "connected", "disconnected", "services_registered",
                 "manager_refreshed", "remote_client_disconnected", "service_added", "service_updated",
                 "service_removed", "client_connected", "client_updated", "client_disconnected",
                 "workspace_deleted", "workspace_x", "services_registration_failed")

# What a client over HTTP takes for a word of its stream, whoever says it.
CONTROL_TYPES = ("connection_info", "reconnection_token", "refresh_token", "ping", "pong")

# What a client in JavaScript finds where it looks for the handlers of an event.
INHERITED = ("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString",
             "valueOf", "__proto__", "__defineGetter__", "__lookupSetter__", "__x")


# What nobody outside finds: services that are not for all, and who is there.
HIDDEN = (":protected", ":unlisted", ":built-in")

# Names of this machine, and what somebody is told who has the server fetch from there.
INSIDE = ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]")
NOT_FETCHED = re.compile("is not on the public internet|cannot fetch from")


class HostServer(Server):
    """With a port for pages, and with that of another server in the same process."""

    pages = None
    other = None

    def start(self):
        super().start()
        for name in ("pages", "other"):
            line = self._first_line()
            match = re.match(rf"{name}: (\d+)", line)
            check(match, f"no port for {name}, but {line!r}")
            setattr(self, name, int(match[1]))
        return self


def run(server, wanted):
    number = failed = 0
    for title, way, function in ATTACKS:
        if not title.startswith(wanted):
            continue
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
    """Runs the attacks that were registered, or those whose names begin with an argument."""
    with HostServer() as server:
        number, failed = run(server, tuple(sys.argv[1:]) or "")
        lived = server.process.poll() is None
        ended = server.stop()
        errors = server.stderr()
    for ok, title, detail in ((lived and ended == 0, "the server lived through it and exited with 0", ended),
                              (not TROUBLE.search(errors), "the server had no complaint of its own", errors)):
        number += 1
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {number} - {title}")
        if not ok:
            for line in str(detail).splitlines():
                print(f"# {line}")
    print(f"1..{number}")
    return 1 if failed else 0
