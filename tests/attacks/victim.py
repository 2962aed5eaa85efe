#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stock Python client for hostile strangers; like victim.mjs."""

import asyncio
import os
import sys

from hypha_rpc import connect_to_server


async def main(kind):
    options = {"transport": "http"} if kind == "py-http" else {}
    api = await connect_to_server({
        "server_url": os.environ["HYPHA_URL"], "workspace": "ws-a",
        "token": os.environ["HYPHA_TOKEN"], "client_id": kind, **options})
    await api.register_service({
        "id": "open", "config": {"visibility": "public"}, "touch": lambda *args, **kwargs: "touched",
        "back": lambda value=None: value, "run": lambda f=None: f()})
    print("@ready", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            found = await api.list_services({"workspace": line.decode().strip()})
            print(f"@{len(found)}", flush=True)
        except Exception as error:  # whatever it is, the test wants to know
            print(f"@{error!r}", flush=True)
    os._exit(0)


asyncio.run(main(sys.argv[1]))
