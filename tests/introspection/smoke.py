#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HyphaCore from Python by introspection; smoke.js takes the same steps in gjs."""

import json
import sys
import threading
import urllib.request

import gi

gi.require_version("Hypha", "1.0")
from gi.repository import Gio, GLib, Hypha  # noqa: E402  the version comes first

DEADLINE_SECONDS = 20
points = 0


def check(what, ok):
    global points
    points += 1
    print(f"{'ok' if ok else 'not ok'} {points} - {what}")


def wait(condition):
    """Runs the main loop until the condition holds; whether it did in time."""
    context = GLib.MainContext.default()
    expired = []
    source = GLib.timeout_add_seconds(DEADLINE_SECONDS, lambda: expired.append(True) or True)
    while not condition() and not expired:
        context.iteration(True)
    GLib.source_remove(source)
    return not expired


def fetch(url, answers):
    with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as response:
        answers.append(json.load(response))
    GLib.idle_add(lambda: False)


core = Hypha.Core(host="127.0.0.1", port=0)
check("the port is free to choose before the start", core.get_port() == 0)
check("it does not run yet", not core.is_running())

for signal in ("add-window", "connection-ready", "service-added", "service-removed"):
    check(f"signal {signal} can be connected", core.connect(signal, lambda *_: None) > 0)

check("it starts", core.start(None))
check("it runs", core.is_running())
port = core.props.port
check("it has a port", port > 0)
check("its address has that port", core.props.url == f"http://127.0.0.1:{port}")

answers = []
thread = threading.Thread(target=fetch, args=(core.get_url() + "/health", answers), daemon=True)
thread.start()
check("it answers", wait(lambda: answers) and answers[0]["status"] == "OK")

check("its services are a list model", core.get_services().get_n_items() >= 0)
token = core.generate_token("ws-a", "alice", 60)
check("it mints tokens", len(token.split(".")) == 3)



def call(service, function, args, cancellable=None):
    """What a call comes to: a value, or the error."""
    outcome = []

    def called(source, result):
        try:
            outcome.append(source.call_finish(result).unpack())
        except GLib.Error as error:
            outcome.append(error)

    core.call_async(service, function, args, 0, cancellable, called)
    return outcome[0] if wait(lambda: outcome) else None


def find(query):
    outcome = []

    def got(source, result):
        try:
            outcome.append(source.get_service_finish(result).unpack())
        except GLib.Error as error:
            outcome.append(error)

    core.get_service_async(GLib.Variant("s", query), None, None, got)
    return outcome[0] if wait(lambda: outcome) else None


check("it calls by position", call("ws", "echo", GLib.Variant("(s)", ("hi",))) == "hi")
check("it calls by name",
      call("ws", "echo", GLib.Variant("a{sv}", {"data": GLib.Variant("ai", [1, 2])})) == [1, 2])
missing = call("ws-a/nothing", "f", None)
check("a call of nothing says so",
      isinstance(missing, GLib.Error)
      and missing.matches(Hypha.error_quark(), Hypha.Error.NOT_FOUND)
      and missing.message == "Service not found: ws-a/nothing")
cancellable = Gio.Cancellable()
cancellable.cancel()
cancelled = call("ws", "echo", None, cancellable)
check("a call can be cancelled",
      isinstance(cancelled, GLib.Error)
      and cancelled.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
check("it finds a service", find("ws")["id"] == "default")
missing = find("ws-a/nothing")
check("a service that is not there is an error",
      isinstance(missing, GLib.Error)
      and missing.matches(Hypha.error_quark(), Hypha.Error.NOT_FOUND))
listed = core.list_services(GLib.Variant("a{sv}", {"workspace": GLib.Variant("s", "default")}))
check("it lists services", "default/root:default" in [item["id"] for item in listed.unpack()])


def refuses(step, code):
    try:
        step()
    except GLib.Error as error:
        return error.matches(Hypha.error_quark(), code)
    return False


check("whoever is not there cannot be kicked",
      refuses(lambda: core.kick_client("ws-a/nobody", "go"), Hypha.Error.NOT_CONNECTED))
check("nor disconnected",
      refuses(lambda: core.disconnect_client("ws-a/nobody", 4001, "go"), Hypha.Error.NOT_CONNECTED))

outcome = []


def loaded(source, result):
    try:
        outcome.append(source.load_app_finish(result))
    except GLib.Error as error:
        outcome.append(error)


plugin = "<config lang=\"json\">{\"name\": \"p\", \"type\": \"window\"}</config>"
core.load_app_async("ws-a", plugin, None, loaded)
wait(lambda: outcome)
check("a window without a host is refused as such",
      isinstance(outcome[0], GLib.Error)
      and outcome[0].matches(Hypha.error_quark(), Hypha.Error.NO_HOST))

core.close()
check("it does not run after it was closed", not core.is_running())
check("it starts again", core.start(None) and core.is_running())
core.close()
print(f"1..{points}")
sys.exit(0)
