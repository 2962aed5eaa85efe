# SPDX-License-Identifier: MIT
"""One party of the matrix: a Python client, with its further clients.

A line of JSON on stdin for each request, one on descriptor 3 for each answer. What the client
prints is its own business, and is looked at by the matrix.
"""

import asyncio
import json
import os
import sys
import traceback
from types import SimpleNamespace

from hypha_rpc import connect_to_server, login

from rows import ROWS, provide


class Agent:
    def __init__(self, kind, role, url, tokens):
        self.kind = kind
        self.client_id = f"{role}-{kind}"
        self.url = url
        self.tokens = tokens
        self.clients = {}
        self.api = None
        self.shown = None

    async def fresh(self, workspace, **options):
        if workspace is not None:
            options = {"workspace": workspace, "token": self.tokens[workspace], **options}
        client = await connect_to_server({"server_url": self.url, **options})
        # A client that does not know the option would pass over it.
        if options.get("transport") == "http" and hasattr(client.rpc._connection, "_websocket"):
            raise AssertionError("the client is on a socket")
        return client

    async def client(self, workspace, **options):
        """One client for each workspace and set of options, connected once."""
        key = json.dumps([workspace, options], sort_keys=True)
        if key not in self.clients:
            self.clients[key] = asyncio.ensure_future(self.fresh(workspace, **options))
        return await self.clients[key]

    async def join(self, role):
        self.api = await self.fresh("ws-matrix", client_id=self.client_id)
        if role == "provider":
            await provide(self, self.api)
        return list(ROWS)

    async def run(self, request):
        service = await self.api.get_service(f"{request['at']}:matrix")

        def wanted(values):
            return [(name, value) for name, value in values.items()
                    if name not in request["without"]]

        await ROWS[request["row"]](SimpleNamespace(
            me=self, api=self.api, service=service, at=request["at"], name=request["name"],
            provider_language=request["providerLanguage"], wanted=wanted,
            rtc=request.get("rtc")))

    async def logIn(self):  # named as in agent.mjs
        """Logs in as a person would; what that person is to be shown is in shown meanwhile."""
        async def show(context):
            self.shown = dict(context)

        token = await login({"server_url": self.url, "login_timeout": 20, "login_callback": show})
        client = await self.fresh(None, token=token)
        await client.disconnect()
        return dict(client.config["user"])

    async def loginContext(self):
        return self.shown

    async def leave(self):
        for client in self.clients.values():
            await (await client).disconnect()
        if self.api is not None:
            await self.api.disconnect()


async def serve(agent):
    loop = asyncio.get_running_loop()
    tasks = set()

    async def answer(request):
        try:
            value = await getattr(agent, request["what"])(*request["args"])
            line = {"id": request["id"], "value": value}
        except Exception:  # goes to the matrix, which knows what to make of it
            line = {"id": request["id"], "error": traceback.format_exc()}
        os.write(3, json.dumps(line).encode() + b"\n")

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.ensure_future(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await agent.leave()


if __name__ == "__main__":
    asyncio.run(serve(Agent(*sys.argv[1:3], **json.loads(sys.argv[3]))))
