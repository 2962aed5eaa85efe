#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stock Python client: workspaces of one's own, and tokens for less than everything."""

import asyncio
import base64
import json
import time

import tap
from stock import DEADLINE, URL, StockTestCase
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


DAY = 86_400


def claims(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))


class Told(OwnCase):
    """What a client learns of itself: its config is the manager's, with connection_info over it."""

    def assert_told(self, client, **more):
        told = {"require_context": True, "visibility": "public", "type": "connection_info",
                "hypha_version": "0.1.0", "public_base_url": URL, "local_base_url": URL,
                "login_service_url": f"{URL}/public/services/hypha-login",
                "manager_id": "workspace-manager", "reconnection_token_life_time": 3600, **more}
        config = {**client.config}
        self.assertEqual(claims(config.pop("reconnection_token"))["aud"], "hypha-reconnection")
        self.assertRegex(config.pop("server_id"), "^[0-9a-f-]{36}$")
        self.assertEqual({**config, "user": {**config["user"]}}, told)

    async def test_with_a_token(self):
        end = int(time.time()) + 600
        token = mint("ws-user-erin", "erin", roles=["user"], scope="read write", exp=end)
        client = await self.connect("ws-user-erin", token=token, client_id="told")
        self.assert_told(client, workspace="ws-user-erin", client_id="told", user={
            "id": "erin", "email": "erin@example.org", "is_anonymous": False, "roles": ["user"],
            "scopes": ["read", "write"], "expires_at": end})

    async def test_anonymous(self):
        client = await self.connect(None, client_id="nobody")
        name = client.config["workspace"]
        self.assertRegex(name, "^anonymous-[0-9a-f-]{36}$")
        self.assert_told(client, workspace=name, client_id="nobody", user={
            "id": name, "email": "anonymous@amun.ai", "is_anonymous": True, "roles": [],
            "scopes": []})


class Tokens(OwnCase):
    async def test_defaults(self):
        token = mint("ws-user-erin", "erin", roles=["user"], scope="read", exp=int(time.time()) + 2 * DAY)
        issuer = await self.connect("ws-user-erin", token=token, client_id="issuer")
        for config in ((), (None,), ({},), ({"expires_in": None, "client_id": None},)):
            made = claims(await issuer.generate_token(*config))
            self.assertEqual((made["iss"], made["aud"], made["sub"], made["email"]),
                             ("hypha-core", "hypha-api", "erin", "erin@example.org"))
            self.assertEqual((made["workspace"], made["client_id"], made["roles"], made["scope"]),
                             ("ws-user-erin", "issuer", ["user"], "read"))
            self.assertNotIn("cid_bound", made)
            self.assertEqual(made["exp"] - made["iat"], DAY)

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
