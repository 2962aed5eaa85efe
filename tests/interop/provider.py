# SPDX-License-Identifier: MIT
"""The Python half of test-cross.mjs: offers a service and calls one that JavaScript offers."""

import asyncio
import os
import sys

from hypha_rpc import connect_to_server

from tokens import mint


async def call_back(name):
    client = await connect_to_server({"server_url": os.environ["HYPHA_URL"], "workspace": "ws-cross",
                                      "token": mint("ws-cross"), "client_id": "python"})

    async def count(limit):
        for number in range(limit):
            yield number

    async def relay(text):
        service = await client.get_service(name)
        return await service.shout(text)

    async def apply(callback, value):
        return await callback(value)

    def fail(why):
        raise ValueError(why)

    await client.register_service({"id": "from-python", "reflect": lambda value: value,
                                   "subtract": lambda minuend, subtrahend: minuend - subtrahend,
                                   "count": count, "relay": relay, "apply": apply, "fail": fail})
    print("ready", flush=True)
    # The test closes stdin when it is done.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await client.disconnect()


asyncio.run(call_back(sys.argv[1]))
