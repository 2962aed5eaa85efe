# SPDX-License-Identifier: MIT
"""The values of the matrix in Python, and what each looks like.

values.mjs is the same in JavaScript; names and texts are shared.
"""

import math
import re
from collections import OrderedDict

import msgpack
import numpy


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def show_number(value):
    if isinstance(value, int) or value.is_integer():
        return f"number {int(value)}"
    return f"number {value}"


def show_memory(value):
    """The size and the beginning of what lies in memory."""
    return f"{len(value)} {value[:16].hex()}"


def show(value):
    """Values of every kind as text, so that two clients can compare what they hold."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return show_number(value)
    if isinstance(value, str):
        return f"string {value}"
    if isinstance(value, bytes):
        return f"bytes {show_memory(value)}"
    if isinstance(value, Exception):
        # Each language and version puts something else before the message.
        return f"error {re.split(': ?', str(value).splitlines()[0])[-1]}"
    if isinstance(value, msgpack.Timestamp):
        return f"date {value.to_unix_nano() // 1_000_000}"
    if isinstance(value, numpy.ndarray):
        shape = "x".join(map(str, value.shape))
        return f"array {value.dtype} {shape} {show_memory(value.tobytes())}"
    if isinstance(value, memoryview):
        return f"memory {show_memory(value.tobytes())}"
    if isinstance(value, set):
        return f"set {','.join(sorted(map(show, value)))}"
    if isinstance(value, OrderedDict):
        return f"ordered {','.join(f'{key}={show(item)}' for key, item in value.items())}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(show, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}={show(value[key])}' for key in sorted(value))}}}"
    return f"{type(value).__name__} {value}"


def same(actual, expected, what):
    check(show(actual) == show(expected), f"{what}: {show(actual)[:200]}, not {show(expected)[:200]}")


SAMPLES = {
    "map": lambda: OrderedDict([("b", 1), ("a", 2)]),
    "set": lambda: {1, 2, 3},
    "error": lambda: ValueError("the sum is too long"),
    "memory": lambda: memoryview(b"\x01\x02\x03\x04"),
    **{dtype: lambda dtype=dtype: numpy.array([-1, 2], dtype=dtype)
       for dtype in ("int8", "int16", "int32")},
    **{dtype: lambda dtype=dtype: numpy.array([1, 2], dtype=dtype)
       for dtype in ("uint16", "uint32")},
    **{dtype: lambda dtype=dtype: numpy.array([0.5, -2], dtype=dtype)
       for dtype in ("float32", "float64")},
    "int64": lambda: numpy.array([-1, 2**63 - 1, -(2**53) - 1], dtype="int64"),
    "uint64": lambda: numpy.array([2**64 - 1, 2**53 + 1], dtype="uint64"),
    "two dimensions": lambda: numpy.array([[1, 2, 3], [-4, 5, 6]], dtype="int16"),
    "three dimensions": lambda: numpy.array([[[0.5, 1]], [[-2, 4]]]),
    "no elements": lambda: numpy.zeros((0, 4), dtype="float32"),
}

PLAIN = {
    "null": None,
    "true": True,
    "false": False,
    "integers": [0, 1, -1, 31, -32, 127, 128, -128, -129, 255, 256, 32767, -32768, 65535, 65536],
    "large integers": [2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32, -(2**32), 2**53, -(2**53)],
    # What a number of JavaScript can hold of them, and what it cannot.
    "64 bits": [2**60, -(2**60), 2**63, -(2**63), 2**64 - 2048],
    "every one of 64 bits": [2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**64 - 1],
    "fractions": [0.5, -0.25, math.pi, 1e-300, -1.5e300, math.inf, -math.inf],
    "not a number": math.nan,
    "text": ["", "žluťoučký kůň — 日本語 — 🍄", "ä" * 70_000],
    "lists": [[], [[]], [1, [2, [3, [None]]]]],
    "maps": {"": 1, "with space": 2, "ключ": 3, "a.b:c/d@e": {"x": {}}},
    "a long list": list(range(20_000)),
    "a wide map": {f"k{i}": i for i in range(2_000)},
    "bytes": [b"", b"\x00\xff\x80"],
}
