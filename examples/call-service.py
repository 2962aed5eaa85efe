#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A core in a program of its own, which lists services and calls one, as any program may."""

import gi

gi.require_version("Hypha", "1.0")
from gi.repository import GLib, Hypha  # noqa: E402  the version comes first

loop = GLib.MainLoop()


def answered(core, result):
    print("the core says:", core.call_finish(result).unpack())
    loop.quit()


core = Hypha.Core(port=0)
core.start(None)
for service in core.list_services(None).unpack():
    print(service["id"])

# Arguments by position are a tuple; by name they are GLib.Variant("a{sv}", …).
core.call_async("ws", "echo", GLib.Variant("(s)", ("hello",)), 5000, None, answered)
loop.run()
core.close()
