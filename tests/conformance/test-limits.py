#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sections 9 to 11: long messages, whole, in fragments and chopped; limits; the opening."""

import base64
import hashlib

from cases import (BINARY, CONTINUATION, KIB, MIB, TEXT, TOO_BIG, Client, add, app_ping, case,
                   event, fails, fragments, frame, main)

MAX_MESSAGE = 16 * MIB


def echo(client, size, piece=None, chop=None):
    payload = event(size)
    client.send(fragments(BINARY, payload, piece or size), chop)
    client.expect_event(payload)
    client.expect_alive()


def text(client, size, piece=None, chop=None):
    client.send(fragments(TEXT, b"*" * size, piece or size), chop)
    client.expect_alive()


# 9: long messages
for number, size in enumerate((64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, MAX_MESSAGE), 1):
    add(f"9.1.{number}", f"a text of {size // KIB:,} KiB", text, size)
    add(f"9.2.{number}", f"a binary message of {size // KIB:,} KiB", echo, size)
for number, piece in enumerate((64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB), 1):
    add(f"9.3.{number}", f"4 MiB of text in fragments of {piece:,} bytes", text, 4 * MIB, piece)
    add(f"9.4.{number}", f"a binary message of 4 MiB in fragments of {piece:,} bytes", echo,
        4 * MIB, piece)
for number, chop in enumerate((64, 128, 256, 512, KIB, 2 * KIB), 1):
    add(f"9.5.{number}", f"1 MiB of text, written {chop:,} bytes at a time", text, MIB, None, chop)
    add(f"9.6.{number}", f"a binary message of 1 MiB, written {chop:,} bytes at a time", echo, MIB,
        None, chop)
add("9.7.1", "16 MiB in fragments of 1 MiB", echo, MAX_MESSAGE, MIB)

# 9.8: the limits themselves
add("9.8.1", "a frame that is one byte too long, from its head alone", fails,
    frame(BINARY, b"", length=MAX_MESSAGE + 1), TOO_BIG)
add("9.8.2", "a text that is one byte too long, from its head alone", fails,
    frame(TEXT, b"", length=MAX_MESSAGE + 1), TOO_BIG)
add("9.8.3", "fragments that are one byte too long together, from the last one's head", fails,
    frame(BINARY, bytes(MAX_MESSAGE), fin=False) + frame(CONTINUATION, b"", length=1), TOO_BIG)
add("9.8.4", "a frame of 4 GiB", fails, frame(BINARY, b"", length=1 << 32), TOO_BIG)
add("9.8.5", "the longest frame that there can be", fails,
    frame(BINARY, b"", length=(1 << 63) - 1), TOO_BIG)


# 10: fragments as clients make them by themselves

for number, piece in enumerate((1300, 1), 1):
    add(f"10.1.{number}", f"64 KiB in fragments of {piece:,} bytes", echo, 64 * KIB, piece)
add("10.1.3", "64 KiB of text in fragments of 1,300 bytes", text, 64 * KIB, 1300)


# 11: the opening, and what is offered with it

OFFERS = ("permessage-deflate", "permessage-deflate; client_max_window_bits",
          "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
          "x-webkit-deflate-frame", "permessage-deflate, permessage-deflate; client_max_window_bits=15")


def declines(client, offer):
    """An extension is not agreed to, nor spoken, nor understood."""
    peer = Client(headers=["Sec-WebSocket-Extensions: " + offer])
    assert peer.status == 101 and "sec-websocket-extensions" not in peer.head.lower(), peer.head
    echo(peer, 1000)
    fails(peer, frame(TEXT, b"\xaaV*\xa9,HU\xb2RP*\xc8\xccKW\xaa\x05\x00", reserved=4))
    peer.close()
    client.expect_alive()


for number, offer in enumerate(OFFERS, 1):
    add(f"11.1.{number}", f"“{offer}” is declined", declines, offer)


@case("11.2.1", "the key is answered as the RFC says")
def _(client):
    answer = dict(line.split(": ", 1) for line in client.head.strip().split("\r\n")[1:])
    digest = hashlib.sha1((client.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    assert answer["Sec-WebSocket-Accept"] == base64.b64encode(digest).decode(), answer


@case("11.2.2", "a subprotocol that nobody knows is not agreed to")
def _(client):
    peer = Client(headers=["Sec-WebSocket-Protocol: chat, superchat"])
    assert "sec-websocket-protocol" not in peer.head.lower(), peer.head
    peer.close()


@case("11.2.3", "frames in the same write as the opening", join=False)
def _(client):
    peer = Client(join=False, behind=frame(TEXT, b'{"client_id": "c"}') + frame(TEXT, app_ping()))
    peer.expect_info()
    peer.expect_app_pong()
    peer.close()


main()
