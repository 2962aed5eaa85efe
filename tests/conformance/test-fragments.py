#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Section 5: messages in fragments, with control frames between them."""

from cases import (BINARY, CONTINUATION, PING, PONG, TEXT, add, app_ping, case, event, fails,
                   fragments, frame, main)

HELLO = app_ping()


def text(client, data, pongs=(), chop=None):
    """A message in fragments is answered, after the pings between them."""
    client.send(data, chop)
    for payload in pongs:
        client.expect(PONG, payload)
    client.expect_app_pong()
    client.expect_alive()


def binary(client, size, piece, chop=None):
    payload = event(size)
    client.send(fragments(BINARY, payload, piece), chop)
    client.expect_event(payload)
    client.expect_alive()


add("5.1", "a ping in two fragments", fails,
    frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b"))
add("5.2", "a pong in two fragments", fails,
    frame(PONG, b"a", fin=False) + frame(CONTINUATION, b"b"))

for number, chop in enumerate((None, 1), 3):
    note = ", written one byte at a time" if chop else ""
    add(f"5.{number}.1", "a text in two fragments" + note, text, fragments(TEXT, HELLO, 8), chop=chop)
    add(f"5.{number}.2", "a text in fragments of one byte" + note, text, fragments(TEXT, HELLO, 1),
        chop=chop)
    add(f"5.{number}.3", "a text with a ping between two fragments" + note, text,
        fragments(TEXT, HELLO, 8, frame(PING, b"now")), [b"now"], chop)
    add(f"5.{number}.4", "a text with pings between all fragments" + note, text,
        fragments(TEXT, HELLO, 1, frame(PING, b"p") + frame(PING, b"q")),
        [b"p", b"q"] * (len(HELLO) - 1), chop)
    add(f"5.{number}.5", "a text with a pong between two fragments" + note, text,
        fragments(TEXT, HELLO, 8, frame(PONG, b"unasked")), chop=chop)
    add(f"5.{number}.6", "a binary message in two fragments" + note, binary, 200, 120, chop)
    add(f"5.{number}.7", "a binary message in fragments of three bytes" + note, binary, 200, 3, chop)

for number in range(3):
    parts = [HELLO if i == number else b"" for i in range(3)]
    add(f"5.5.{number + 1}", f"fragment {number + 1} of three has it all, the others are empty", text,
        frame(TEXT, parts[0], fin=False) + frame(CONTINUATION, parts[1], fin=False)
        + frame(CONTINUATION, parts[2]))
for number, (size, piece) in enumerate(((100_000, 125), (100_000, 126), (100_000, 65535),
                                        (200_000, 65536), (200_000, 100_000), (40_000, 16384),
                                        (40_000, 16385)), 1):
    add(f"5.6.{number}", f"a binary message of {size:,} bytes in fragments of {piece:,}", binary,
        size, piece)
for number, opcode in enumerate((TEXT, BINARY), 1):
    add(f"5.7.{number}", f"a message within a message, of opcode {opcode}", fails,
        frame(TEXT, b"a", fin=False) + frame(opcode, b"b"))
    add(f"5.8.{number}", f"a fragment within a message, of opcode {opcode}", fails,
        frame(BINARY, b"a", fin=False) + frame(opcode, b"b", fin=False))
for number, fin in enumerate((True, False), 1):
    add(f"5.9.{number}", f"a continuation of nothing, {'last' if fin else 'not last'}", fails,
        frame(CONTINUATION, b"nothing", fin=fin))
    add(f"5.9.{number + 2}", f"the same, written one byte at a time, {'last' if fin else 'not last'}",
        fails, frame(CONTINUATION, b"nothing", fin=fin), chop=1)


@case("5.10", "a continuation of a message that has ended")
def _(client):
    client.send(fragments(TEXT, HELLO, 8) + frame(CONTINUATION, b"more"))
    client.expect_app_pong()
    client.expect_close(1002)


@case("5.11", "a continuation without a start between two whole texts")
def _(client):
    client.send(frame(TEXT, HELLO))
    client.expect_app_pong()
    fails(client, frame(CONTINUATION, b"x", fin=False) + frame(TEXT, HELLO))


@case("5.12", "pings are answered before the message they interrupt has ended")
def _(client):
    client.send(frame(TEXT, HELLO[:4], fin=False) + frame(PING, b"one"))
    client.expect(PONG, b"one")
    client.send(frame(CONTINUATION, HELLO[4:8], fin=False) + frame(PING, b"two"))
    client.expect(PONG, b"two")
    client.send(frame(CONTINUATION, HELLO[8:]))
    client.expect_app_pong()


@case("5.13", "a first text in fragments with pings between", join=False)
def _(client):
    client.send(fragments(TEXT, b'{"client_id": "c"}', 9, frame(PING, b"early")))
    client.expect(PONG, b"early")
    client.expect_info()


@case("5.14", "messages of both kinds in fragments, one after the other")
def _(client):
    payload = event(300)
    client.send((fragments(BINARY, payload, 100) + fragments(TEXT, HELLO, 5)) * 3)
    for _ in range(3):
        client.expect_event(payload)
        client.expect_app_pong()


@case("5.15", "pings within one long fragment's reach do not disturb it")
def _(client):
    payload = event(100_000)
    client.send(fragments(BINARY, payload, 50_000, frame(PING, b"x" * 125)), 4000)
    client.expect(PONG, b"x" * 125)
    client.expect_event(payload)


main()
