# SPDX-License-Identifier: MIT
"""Two Python clients that use everything which has a form of its own on the wire."""
import asyncio
import sys

from hypha_rpc import connect_to_server


async def main():
    server_url = f"http://127.0.0.1:{sys.argv[1]}"
    provider = await connect_to_server({"server_url": server_url, "client_id": "py-p"})
    consumer = await connect_to_server({"server_url": server_url, "client_id": "py-c"})

    async def fail():
        raise ValueError("as asked")

    async def callback(function):
        return await function("from the provider")

    def values():
        return {
            "nothing": None, "yes": True, "negative": -5, "big": 2**40, "huge": 2**63, "real": 3.25,
            "text": "größe ☃", "bytes": b"\1\2\3", "list": [1, [2, [3]]], "tuple": (1, 2), "long": "x" * 300,
        }

    def generate():
        yield 1
        yield 2

    await provider.register_service({
        "id": "calc", "name": "Calc", "config": {"visibility": "public"},
        "add": lambda a, b=1: a + b, "fail": fail, "callback": callback, "values": values,
        "gen": generate, "size": len,
    })
    await consumer.echo("hi")
    calc = await consumer.rpc.get_remote_service("py-p:calc")
    await calc.add(1, b=5)
    await calc.values()
    try:
        await calc.fail()
    except Exception:
        pass
    await calc.callback(lambda text: text.upper())
    async for _ in await calc.gen():
        pass
    await calc.size(bytes(70000))
    await calc.size(bytes(300000))
    await consumer.disconnect()
    await provider.disconnect()


asyncio.run(main())
