#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stock Python client that outlives its server; like life-cycle-client.mjs.

usage: life_cycle_client.py py|py-http
"""

import asyncio
import json
import os
import sys

from hypha_rpc import connect_to_server


def say(value):
    print("@" + json.dumps(value), flush=True)


async def main(kind):
    options = {"transport": "http"} if kind == "py-http" else {}
    api = await connect_to_server({
        "server_url": os.environ["HYPHA_URL"], "workspace": "ws-a",
        "token": os.environ["HYPHA_TOKEN"], "client_id": kind, "method_timeout": 5, **options})
    await api.register_service({"id": "hello", "config": {"visibility": "protected"},
                                "hello": lambda: kind})
    say({"ready": kind})
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            service = await api.get_service(line.decode().strip())
            say({"answer": await service.hello()})
        except Exception as error:  # whatever it is, the test wants to know
            say({"error": repr(error)})
    os._exit(0)


asyncio.run(main(sys.argv[1]))
