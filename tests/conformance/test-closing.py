#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Section 7: how a connection closes."""

import struct

from cases import (BAD_DATA, BINARY, CLOSE, CONTINUATION, KIB, NORMAL, PING, PROTOCOL_ERROR, TEXT,
                   add, app_ping, case, close, event, fails, fragments, frame, main)

GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
              4000, 4999)
BAD_CODES = (0, 1, 125, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def closes(client, data, code=NORMAL, chop=None):
    """The close is answered with its code, and nothing else is."""
    client.send(data, chop)
    client.expect_close(code)


# 7.1: what comes with a close, and after it

@case("7.1.1", "a text, then a close")
def _(client):
    client.send(frame(TEXT, app_ping()) + close(NORMAL))
    client.expect_app_pong()
    client.expect_close(NORMAL)


add("7.1.2", "two closes", closes, close(NORMAL) + close(1001))
add("7.1.3", "a ping after the close", closes, close(NORMAL) + frame(PING, b"late"))
add("7.1.4", "a text after the close", closes, close(NORMAL) + frame(TEXT, app_ping()))
add("7.1.5", "a fragment, a close, the other fragment", closes,
    frame(TEXT, b'{"type"', fin=False) + close(NORMAL) + frame(CONTINUATION, b': "ping"}'))
add("7.1.6", "a broken frame after the close", closes, close(NORMAL) + b"\xff" * 100)
add("7.1.7", "half a frame after the close", closes, close(NORMAL) + frame(BINARY, bytes(1000))[:99])


@case("7.1.8", "a long message, a close, a ping")
def _(client):
    payload = event(256 * KIB)
    client.send(frame(BINARY, payload) + close(NORMAL) + frame(PING, b""))
    client.expect_event(payload)
    client.expect_close(NORMAL)


@case("7.1.9", "a megabyte after the close")
def _(client):
    client.send(close(NORMAL))
    client.send(frame(BINARY, bytes(KIB * KIB)), 64 * KIB)
    client.expect_close(NORMAL)


add("7.1.10", "a close before the first text", closes, close(NORMAL), join=False)
add("7.1.11", "a close instead of the rest of the first text", closes,
    frame(TEXT, b"{", fin=False) + close(NORMAL), join=False)
add("7.1.12", "a close that is written one byte at a time", closes, close(NORMAL, b"bye"), chop=1)

# 7.3: the payload
add("7.3.1", "a close without a payload", closes, close(), None)
add("7.3.2", "a close of one byte", fails, frame(CLOSE, b"\x03"))
add("7.3.3", "a close with a code alone", closes, close(NORMAL))
for number, size in enumerate((1, 10, 123), 4):
    add(f"7.3.{number}", f"a close with a reason of {size} bytes", closes, close(NORMAL, b"*" * size))
add("7.3.7", "a close with a reason of 124 bytes", fails, close(NORMAL, b"*" * 124))
add("7.3.8", "a close in two fragments", fails,
    frame(CLOSE, struct.pack("!H", NORMAL), fin=False) + frame(CONTINUATION, b"bye"))
add("7.3.9", "a close with a reason of many bytes a character", closes,
    close(NORMAL, "κόσμε€😀".encode()))

# 7.5: the reason is text
for number, bad in enumerate((b"\xff", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
                              b"\xe2\x82", b"\xc0\x80"), 1):
    add(f"7.5.{number}", f"a reason that is not UTF-8: {bad.hex()}", fails, close(NORMAL, bad), BAD_DATA)

# 7.7, 7.9: the codes
for code in GOOD_CODES:
    add(f"7.7.{code}", f"code {code} may be sent", closes, close(code), code)
for code in BAD_CODES:
    add(f"7.9.{code}", f"code {code} may not be sent", fails, close(code))
    add(f"7.13.{code}", f"code {code} with a reason may not be sent", fails, close(code, b"reason"))


# 7.14: whose fault it is does not depend on what goes on

@case("7.14.1", "a fault between fragments")
def _(client):
    fails(client, frame(BINARY, b"a", fin=False) + frame(CLOSE, b"x"))


@case("7.14.2", "a fault after a fragment of a long message")
def _(client):
    fails(client, frame(BINARY, bytes(100_000), fin=False) + frame(TEXT, b"x"), PROTOCOL_ERROR)


@case("7.14.3", "messages before a close all arrive")
def _(client):
    payloads = [event(300 + i) for i in range(50)]
    client.send(b"".join(fragments(BINARY, payload, 100) for payload in payloads) + close(4321))
    for payload in payloads:
        client.expect_event(payload)
    client.expect_close(4321)


main()
