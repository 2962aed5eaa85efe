#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Section 6: text is UTF-8, as a whole and in fragments, and what is not fails at once."""

from cases import (BAD_DATA, BINARY, CONTINUATION, PROTOCOL_ERROR, TEXT, add, app_ping, case, close,
                   fails, fragments, frame, main)

GREEK = "κόσμε".encode()
# The first and last character of each length, the neighbours of the surrogates, and what is
# allowed although it is no character.
POINTS = (0x00, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFD, 0xFFFE, 0xFFFF, 0xD7FF, 0xE000, 0xFDD0, 0xFDEF,
          0x10000, 0x10FFFF, *(plane << 16 | last for plane in range(1, 16) for last in (0xFFFE, 0xFFFF)))
CONTINUATIONS = range(0x80, 0xC0)
BAD = {
    "a continuation byte alone": b"\x80",
    "the last continuation byte alone": b"\xbf",
    **{f"{count} continuation bytes": (b"\x80\xbf" * 4)[:count] for count in range(2, 8)},
    "all continuation bytes": bytes(CONTINUATIONS),
    **{f"byte {lead:02x} before a space": bytes((lead, 0x20)) for lead in range(0xC0, 0x100)},
    "two bytes, one missing at the end": b"\xdf",
    "three bytes, one missing at the end": b"\xef\xbf",
    "four bytes, one missing at the end": b"\xf4\x8f\xbf",
    "three bytes, two missing at the end": b"\xe1",
    "four bytes, three missing at the end": b"\xf1",
    "unfinished characters in a row": b"\xdf\xef\xbf\xf1\x80\x80",
    "fe fe ff ff": b"\xfe\xfe\xff\xff",
    "a slash in two bytes": b"\xc0\xaf",
    "a slash in three bytes": b"\xe0\x80\xaf",
    "a slash in four bytes": b"\xf0\x80\x80\xaf",
    "a slash in five bytes": b"\xf8\x80\x80\x80\xaf",
    "a slash in six bytes": b"\xfc\x80\x80\x80\x80\xaf",
    "the last overlong form of two bytes": b"\xc1\xbf",
    "the last overlong form of three bytes": b"\xe0\x9f\xbf",
    "the last overlong form of four bytes": b"\xf0\x8f\xbf\xbf",
    "the last form of five bytes": b"\xfb\xbf\xbf\xbf\xbf",
    "the last form of six bytes": b"\xfd\xbf\xbf\xbf\xbf\xbf",
    "zero in two bytes": b"\xc0\x80",
    "zero in three bytes": b"\xe0\x80\x80",
    "zero in four bytes": b"\xf0\x80\x80\x80",
    **{f"surrogate {point:04x}": chr(point).encode("utf-8", "surrogatepass")
       for point in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)},
    "a pair of surrogates": "\ud800\udc00".encode("utf-8", "surrogatepass"),
    "the last pair of surrogates": "\udbff\udfff".encode("utf-8", "surrogatepass"),
    "what is above U+10FFFF": b"\xf4\x90\x80\x80",
    "the last form of four bytes": b"\xf7\xbf\xbf\xbf",
}


def lives(client, data, chop=None):
    client.send(data, chop)
    client.expect_alive()


def answered(client, text, size=None):
    """A ping of the application that has this text in it, whole or in fragments."""
    payload = app_ping(text=text)
    client.send(fragments(TEXT, payload, size or len(payload)))
    client.expect_app_pong()


def fails_early(client, parts, last):
    """Fails with the fragment of this index, though more are to come."""
    for index, part in enumerate(parts[:last + 1]):
        client.send(frame(TEXT if index == 0 else CONTINUATION, part, fin=False))
        if index < last:
            client.expect_alive()
    client.expect_close(BAD_DATA)


# 6.1: empty pieces
for number, parts in enumerate(((b"",), (b"", b"", b""), (b"", b"middle", b"")), 1):
    add(f"6.1.{number}", f"a text of {len(parts)} fragments: {parts}", lives,
        b"".join(frame(TEXT if i == 0 else CONTINUATION, part, fin=i == len(parts) - 1)
                 for i, part in enumerate(parts)))

# 6.2: what is valid, whole and cut within characters
for number, text in enumerate(("Hello-µ@ßöäüàá-UTF-8!!", GREEK.decode(), "日本語", "😀😀"), 1):
    add(f"6.2.{number}.1", f"“{text}” in one frame", answered, text)
    for cut in (1, 2, 3):
        add(f"6.2.{number}.{cut + 1}", f"“{text}” in fragments of {cut}", answered, text, cut)
for number, chop in enumerate((1, 5, 1000), 5):
    add(f"6.2.{number}", f"a megabyte of Greek, cut within characters, {chop} kB at a time", lives,
        fragments(TEXT, GREEK * 100_000, 65_537), chop * 1000)
for number, point in enumerate(POINTS, 1):
    add(f"6.3.{number}.1", f"U+{point:04X} in one frame", lives, frame(TEXT, chr(point).encode()))
    add(f"6.3.{number}.2", f"U+{point:04X}, each byte a fragment", lives,
        fragments(TEXT, b"<" + chr(point).encode() + b">", 1))

# 6.4: what is not valid
for number, (title, bad) in enumerate(BAD.items(), 1):
    add(f"6.4.{number}.1", title + ", alone", fails, frame(TEXT, bad), BAD_DATA)
    add(f"6.4.{number}.2", title + ", within Greek", fails,
        frame(TEXT, GREEK + bad + b"edited"), BAD_DATA)
    add(f"6.4.{number}.3", title + ", each byte a fragment", fails,
        fragments(TEXT, GREEK + bad, 1), BAD_DATA)

# 6.5: failing at once
add("6.5.1", "the fragment that is wrong as a whole", fails_early,
    (GREEK, b"\xf4\x90\x80\x80", b"edited"), 1)
add("6.5.2", "the fragment with the first byte that cannot be", fails_early,
    (GREEK + b"\xf4", b"\x90", b"\x80\x80edited"), 1)
add("6.5.3", "a lead byte that there is not", fails_early, (GREEK, b"\xff"), 1)
add("6.5.4", "a surrogate at its second byte", fails_early, (b"\xed", b"\xa0"), 1)
add("6.5.5", "an overlong form at its second byte", fails_early, (b"\xe0", b"\x9f"), 1)
add("6.5.6", "ASCII where a continuation is due", fails_early, (b"a", b"\xe2\x82", b"a"), 2)


@case("6.5.7", "a long frame fails before the rest of it has come")
def _(client):
    whole = frame(TEXT, GREEK * 10_000 + b"\xf4\x90" + GREEK * 10_000)
    fails(client, whole[:len(GREEK) * 10_000 + 4000], BAD_DATA)


@case("6.5.8", "a long fragment fails before the rest of it has come")
def _(client):
    client.send(frame(TEXT, GREEK, fin=False))
    fails(client, frame(CONTINUATION, b"\xff" * 100_000)[:50_000], BAD_DATA)


# 6.6: what is not asked of others
add("6.6.1", "a binary message need not be UTF-8", lives, frame(BINARY, b"\xff\xfe"))
add("6.6.2", "a binary message in fragments need not be UTF-8", lives,
    fragments(BINARY, b"\xff\xfe\xed\xa0\x80", 1))
add("6.6.3", "an unfinished character ends with its message", fails,
    frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"\xe2\x82"), BAD_DATA)
add("6.6.4", "a state of one message is not that of the next", lives,
    fragments(TEXT, "€".encode(), 2) + frame(TEXT, b"a"))
add("6.6.5", "a close reason that is not UTF-8", fails, close(1000, b"\xff"), BAD_DATA)
add("6.6.6", "a bad code counts more than a bad reason", fails,
    close(999, b"\xff"), PROTOCOL_ERROR)

main()
