# SPDX-License-Identifier: MIT
"""Tokens that are forged, and what is asked of one that is made."""

import base64
import hashlib
import hmac
import json
import re
import time

from harness import check
from server import SECRET
from tokens import claims, mint


def forged(payload, alg="HS256", secret="not the server's"):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    signed = ".".join(part(json.dumps(value).encode()) for value in ({"alg": alg, "typ": "JWT"}, payload))
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{'' if alg == 'none' else part(digest)}"


def legacy(workspace, **more):
    """The claims that an old server took from anybody."""
    return {"sub": "root", "workspace": workspace, "client_id": "root", "scope": "", "roles": ["admin"],
            "https://api.imjoy.io/email": "root@localhost", "https://api.imjoy.io/roles": ["admin"],
            "exp": int(time.time()) + 600, **more}


def forgeries(workspace):
    good = claims(workspace)
    return {"another secret": forged(good), "no algorithm": forged(good, "none"),
            "another algorithm": forged(good, "HS512", SECRET), "legacy": forged(legacy(workspace)),
            "legacy unsigned": forged(legacy(workspace), "none"),
            "lower case": forged(good, "hs256", SECRET), "no signature": mint(workspace).rsplit(".", 1)[0],
            "an empty signature": mint(workspace).rsplit(".", 1)[0] + ".",
            "expired": mint(workspace, iat=1, exp=2), "without end": forged(
                {k: v for k, v in good.items() if k != "exp"}, secret=SECRET),
            "end as text": mint(workspace, exp=str(good["exp"]))}


WIDER = ({"workspace": "ws-a"}, {"workspace": "default"}, {"user_id": "root"}, {"email": "root@localhost"},
         {"roles": ["admin"]}, {"scopes": ["ws:ws-a#a"]}, {"scope": "admin"}, {"expires_in": 10**9},
         {"client_id": "root"}, {"is_root": True}, {"sub": "root"}, {"aud": "x"}, {"iss": "x"})


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def check_narrow(token, subject="mallory", workspace="ws-c"):
    """It says what its maker is, and nothing of others."""
    made = claims_of(token)
    check(made["sub"] == subject and made["workspace"] == workspace, made)
    check(made.get("email") in (None, "", f"{subject}@example.org") and not made.get("roles"), made)
    check("admin" not in str(made.get("scope")) and "ws-a" not in str(made.get("scope")), made)
    check(made["exp"] <= claims()["exp"] + 5 and made["aud"] == "hypha-api", made)


def check_no_token(body, subject=None, workspace=None):
    """No token, or one that says nothing but what its bearer was already."""
    for payload in re.findall(rb"eyJ[\w-]*\.(eyJ[\w-]*)\.", body):
        made = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        check((made["sub"], made["workspace"]) == (subject, workspace) and not made["roles"], made)
        check(not made["scope"], made)
