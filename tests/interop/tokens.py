# SPDX-License-Identifier: MIT
"""Tokens made by hand, good and bad ones."""

import base64
import hashlib
import hmac
import json
import time

from server import SECRET


def _part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def claims(workspace="ws-a", subject="alice", **more):
    now = int(time.time())
    return {"sub": subject, "workspace": workspace, "email": f"{subject}@example.org", "roles": [],
            "scope": "", "iat": now, "exp": now + 600, "iss": "hypha-core", "aud": "hypha-api",
            **more}


def mint(workspace="ws-a", subject="alice", *, secret=SECRET, alg="HS256", **more):
    header = {"alg": alg, "typ": "JWT"}
    signed = ".".join(_part(json.dumps(part).encode())
                      for part in (header, claims(workspace, subject, **more)))
    if alg == "none":
        return signed + "."
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_part(digest)}"
