# SPDX-License-Identifier: MIT
"""What the tests in Python share: stock clients of the server under test, closed at the end."""

import asyncio
import os
import time
import unittest

from hypha_rpc import connect_to_server

from tokens import mint

URL = os.environ["HYPHA_URL"]
DEADLINE = 20


class StockTestCase(unittest.IsolatedAsyncioTestCase):
    async def connect(self, workspace="ws-a", **options):
        """A client with a token of the workspace, or nobody's where it is None."""
        if workspace is not None:
            options = {"workspace": workspace, "token": mint(workspace), **options}
        config = {"server_url": URL, **options}
        client = await asyncio.wait_for(connect_to_server(config), DEADLINE)
        self.addAsyncCleanup(client.disconnect)
        return client

    async def timed(self, awaitable):
        """The answer, and the seconds that it took."""
        start = time.monotonic()
        value = await asyncio.wait_for(awaitable, DEADLINE)
        return value, time.monotonic() - start

    async def refusal(self, awaitable):
        """The text of the error that the awaitable ends with."""
        with self.assertRaises(Exception) as caught:
            await asyncio.wait_for(awaitable, DEADLINE)
        self.assertNotIsInstance(caught.exception, asyncio.TimeoutError)
        return str(caught.exception)

    async def until(self, condition, what):
        """Repeats until the condition gives something true."""
        deadline = time.monotonic() + DEADLINE
        while not (value := await condition()):
            self.assertLess(time.monotonic(), deadline, f"{what} did not happen")
            await asyncio.sleep(0.02)
        return value
