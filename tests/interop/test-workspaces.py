#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stock Python client: workspaces of one's own, and tokens for less than everything."""

import asyncio

import tap
from stock import DEADLINE, StockTestCase
from tokens import mint


class OwnCase(StockTestCase):
    async def own(self, user, **options):
        """A client of the user's own workspace."""
        workspace = f"ws-user-{user}"
        return await self.connect(workspace, token=mint(workspace, user), **options)

    async def is_gone(self, client, client_id):
        """True when no client of that id is left in the other's workspace."""
        summary = await client.get_summary()
        return client_id not in [entry["id"].split("/")[1] for entry in summary["clients"]]


class Workspaces(OwnCase):
    async def test_create_enter_keep_delete(self):
        alice = await self.own("alice")
        info = await alice.create_workspace({"name": "alice-lab", "description": "a lab"},
                                            overwrite=True)
        self.assertEqual(info["id"], "alice-lab")
        self.assertEqual(info["owners"], ["alice"])

        inside = await self.connect("alice-lab", token=mint("ws-user-alice", "alice"),
                                    client_id="inside")
        self.assertEqual(inside.config["workspace"], "alice-lab")
        self.assertEqual((await inside.check_status())["user_permission"], "admin")
        await inside.set_env("COLOUR", "blue")
        self.assertEqual(await inside.get_env(key="COLOUR"), "blue")
        self.assertEqual(await inside.get_env(), {"COLOUR": "blue"})
        await inside.set_env(key="COLOUR", value=None)
        self.assertIn("Environment variable 'COLOUR' not found in workspace alice-lab",
                      await self.refusal(inside.get_env("COLOUR")))

        names = [entry["id"] for entry in await alice.list_workspaces(match="lab", limit=5)]
        self.assertEqual(names, ["alice-lab"])
        # Python clients that are sent away for good wait for themselves, so this one goes before.
        await inside.disconnect()
        await alice.delete_workspace("alice-lab")
        self.assertEqual(await alice.list_workspaces("lab"), [])

    async def test_somebody_elses(self):
        alice, bob = await self.own("alice"), await self.own("bob")
        await alice.create_workspace({"id": "alice-den"})
        self.assertIn("Workspace already exists: alice-den",
                      await self.refusal(bob.create_workspace({"id": "alice-den"})))
        self.assertIn("Permission denied: user bob cannot overwrite workspace alice-den",
                      await self.refusal(bob.create_workspace({"id": "alice-den"}, True)))
        self.assertIn("Permission denied for workspace: alice-den",
                      await self.refusal(self.connect("alice-den",
                                                      token=mint("ws-user-bob", "bob"))))
        nobody = await self.connect(None)
        self.assertIn("Only registered user can create workspace.",
                      await self.refusal(nobody.create_workspace({"id": "any-body"})))


class Tokens(OwnCase):
    async def test_read_only(self):
        alice = await self.own("carol")
        await alice.register_service({"id": "sum", "add": lambda a, b: a + b})
        token = await alice.generate_token({"permission": "read"})
        reader = await self.connect("ws-user-carol", token=token, client_id="reader")
        service = await reader.get_service("sum")
        self.assertEqual(await service.add(2, 3), 5)
        self.assertIn("Access denied", await self.refusal(reader.register_service({"id": "mine"})))
        self.assertIn("Only admin can generate token.",
                      await self.refusal(reader.generate_token()))

    async def test_parse(self):
        alice = await self.own("alice")
        parsed = await alice.parse_token(await alice.generate_token({"permission": "read"}))
        self.assertEqual(parsed["id"], "alice")
        self.assertEqual(parsed["scope"]["workspaces"], {"ws-user-alice": "r"})

    async def test_revoke(self):
        alice = await self.own("dave", client_id="boss")
        token = await alice.generate_token()
        await self.connect("ws-user-dave", token=token, client_id="helper")
        self.assertFalse(await self.is_gone(alice, "helper"))
        await alice.revoke_token(token)
        await self.until(lambda: self.is_gone(alice, "helper"), "the end of the helper")
        self.assertIn("Token has been revoked",
                      await self.refusal(asyncio.wait_for(
                          self.connect("ws-user-dave", token=token), DEADLINE)))


tap.main()
