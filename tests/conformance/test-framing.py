#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sections 1 to 4: frames of all sizes, pings and pongs, reserved bits, opcodes."""

import struct

from cases import (BAD_DATA, BINARY, CLOSE, CONTINUATION, KIB, MAX_CONTROL_TEXT, PING, PONG,
                   PROTOCOL_ERROR, TEXT, UNSUPPORTED, add, app_ping, case, event, fails, frame, main)

SIZES = (125, 126, 127, 128, 1000, 65535, 65536)
MAX_HANDSHAKE = 64 * KIB


# 1: framing

def text(client, payload, chop=None):
    client.send(frame(TEXT, payload), chop)
    if 0 < len(payload) <= MAX_CONTROL_TEXT:
        client.expect_app_pong()
    client.expect_alive()


def binary(client, size, chop=None):
    payload = event(size)
    client.send(frame(BINARY, payload), chop)
    client.expect_event(payload)
    client.expect_alive()


def ignored(client, payload):
    client.send(frame(BINARY, payload))
    client.expect_alive()


def handshake(client, size, chop=None):
    client.send(frame(TEXT, b'{"client_id": "c"}'.ljust(size)), chop)
    client.expect_info()
    client.expect_alive()


def overstated(client, form, size):
    """A length in a longer form than it needs."""
    mark = {"!H": 126, "!Q": 127}[form]
    fails(client, bytes([0x80 | BINARY, 0x80 | mark]) + struct.pack(form, size) + bytes(4 + size))


add("1.1.1", "an empty text", text, b"")
for number, size in enumerate(SIZES, 2):
    add(f"1.1.{number}", f"a text of {size:,} bytes", text, app_ping(size))
for number, chop in enumerate((1, 7, 997), 10):
    add(f"1.1.{number}", f"a text of 65,536 bytes, written {chop} at a time", text,
        app_ping(65536), chop)
for number, size in enumerate((18, 125, 126, 65535, MAX_HANDSHAKE), 20):
    add(f"1.1.{number}", f"a first text of {size:,} bytes", handshake, size, join=False)
add("1.1.25", "a first text that is written one byte at a time", handshake, 200, 1, join=False)

add("1.2.1", "an empty binary message", ignored, b"")
add("1.2.2", "a binary message of one byte", ignored, b"\xc0")
for number, size in enumerate(SIZES, 3):
    add(f"1.2.{number}", f"a binary message of {size:,} bytes", binary, size)
for number, (size, chop) in enumerate(((126, 1), (65536, 1), (65536, 997), (65536, 16384)), 11):
    add(f"1.2.{number}", f"a binary message of {size:,} bytes, written {chop:,} at a time", binary,
        size, chop)

for number, (form, size) in enumerate((("!H", 0), ("!H", 125), ("!Q", 125), ("!Q", 65535)), 1):
    add(f"1.3.{number}", f"{size:,} bytes of length in {struct.calcsize(form)} bytes", overstated,
        form, size)
add("1.3.5", "a length with its sign bit", fails,
    bytes([0x80 | BINARY, 0x80 | 127]) + b"\x80" + bytes(7 + 4))
for number, opcode in enumerate((TEXT, BINARY, PING, CLOSE), 1):
    add(f"1.4.{number}", f"a frame of opcode {opcode} without a mask", fails,
        frame(opcode, b"", masked=False))


@case("1.4.5", "a mask of zeros")
def _(client):
    client.send(bytes([0x80 | TEXT, 0x80 | 16]) + bytes(4) + app_ping(16))
    client.expect_app_pong()


@case("1.5.1", "an echo of each size from 26 to 199 bytes, all in one write")
def _(client):
    payloads = [event(size) for size in range(26, 200)]
    client.send(b"".join(frame(BINARY, payload) for payload in payloads))
    for payload in payloads:
        client.expect_event(payload)


# 2: pings and pongs

def ping(client, payload, chop=None):
    client.send(frame(PING, payload), chop)
    client.expect(PONG, payload)
    client.expect_alive()


def unasked(client, payload):
    client.send(frame(PONG, payload))
    client.expect_alive()


def many_pings(client, chop=None):
    payloads = [b"ping %d" % i for i in range(10)]
    client.send(b"".join(frame(PING, payload) for payload in payloads), chop)
    for payload in payloads:
        client.expect(PONG, payload)


add("2.1", "a ping without a payload", ping, b"")
add("2.2", "a ping with text", ping, b"Hello, world!")
add("2.3", "a ping with bytes that are no text", ping, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")
add("2.4", "a ping of 125 bytes", ping, b"\xfe" * 125)
add("2.5", "a ping of 126 bytes", fails, frame(PING, b"\xfe" * 126))
add("2.6", "a ping of 125 bytes, written one at a time", ping, b"\xfe" * 125, 1)
add("2.7", "a pong that nobody asked for", unasked, b"")
add("2.8", "a pong with a payload that nobody asked for", unasked, b"unasked")
add("2.9", "a pong of 126 bytes", fails, frame(PONG, bytes(126)))
add("2.10", "ten pings in one write", many_pings)
add("2.11", "ten pings, written one byte at a time", many_pings, 1)


@case("2.12", "a pong that nobody asked for, then a ping")
def _(client):
    client.send(frame(PONG, b"unasked") + frame(PING, b"asked"))
    client.expect(PONG, b"asked")


@case("2.13", "a ping before the first text", join=False)
def _(client):
    client.send(frame(PING, b"early"))
    client.expect(PONG, b"early")
    handshake(client, 0)


# 3: reserved bits

def fails_after_pong(client, data, code=PROTOCOL_ERROR, chop=None):
    """What was right before what is wrong is answered."""
    client.send(frame(TEXT, app_ping()) + data, chop)
    client.expect_app_pong()
    client.expect_close(code)


for bits in range(1, 8):
    add(f"3.1.{bits}", f"a text with reserved bits {bits:03b}", fails,
        frame(TEXT, app_ping(), reserved=bits))
    add(f"3.2.{bits}", f"a text, then an empty frame with reserved bits {bits:03b}",
        fails_after_pong, frame(BINARY, b"", reserved=bits))
    add(f"3.3.{bits}", f"a text, then reserved bits {bits:03b}, written one byte at a time",
        fails_after_pong, frame(TEXT, b"x", reserved=bits), chop=1)
    add(f"3.4.{bits}", f"a ping with reserved bits {bits:03b}", fails,
        frame(PING, b"x", reserved=bits))
    add(f"3.5.{bits}", f"a continuation with reserved bits {bits:03b}", fails,
        frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"y", reserved=bits))
add("3.6", "a close with a reserved bit", fails, frame(CLOSE, b"", reserved=4))


# 4: opcodes

for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    section = 1 if opcode < 8 else 2
    add(f"4.{section}.{opcode}", f"opcode {opcode} without a payload", fails, frame(opcode, b""))
    add(f"4.{section + 2}.{opcode}", f"opcode {opcode} with a payload, after a text",
        fails_after_pong, frame(opcode, b"payload"))
    add(f"4.{section + 4}.{opcode}", f"opcode {opcode} between fragments", fails,
        frame(TEXT, b"x", fin=False) + frame(opcode, b""))


@case("4.7", "nothing that follows what was wrong is answered")
def _(client):
    fails(client, frame(3, b"") + frame(PING, b"x") + frame(TEXT, app_ping()))


@case("4.8", "a first frame that is binary", join=False)
def _(client):
    client.send(frame(BINARY, event(100)))
    assert client.receive()[0] == TEXT
    client.expect_close(UNSUPPORTED, answer=True)


@case("4.9", "a first text that is one byte too long", join=False)
def _(client):
    client.send(frame(TEXT, b"{}".ljust(MAX_HANDSHAKE + 1)))
    assert client.receive()[0] == TEXT
    client.expect_close(UNSUPPORTED, answer=True)


add("4.10", "a first text that is not UTF-8", fails, frame(TEXT, b'{"\xff"}'), BAD_DATA, join=False)

main()
