#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The service of an in-process client, with everything that its object model can do."""

import asyncio
import io
import tempfile

import numpy

import tap
from stock import StockTestCase

OBJECTS = "default/root:objects"
NOTHING = {"pending": 0, "serving": 0, "sessions": 0, "interfaces": 0, "generators": 0,
           "callbacks": 0}
NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT = 7, 6, 2


class Objects(StockTestCase):
    async def asyncSetUp(self):
        self.client = await self.connect("ws-objects", client_id="asker")
        self.objects = await self.client.get_service(OBJECTS)

    async def clean(self):
        """Nothing is left behind, or not for long."""
        async def is_clean():
            return dict(await self.objects.left()) == NOTHING
        await self.until(is_clean, "cleaning up")

    async def test_values_and_paths(self):
        self.assertEqual(self.objects.answer, 42)
        self.assertEqual(self.objects.nested.words, ["one", "two"])
        self.assertEqual(await self.objects.nested.deep.echo("deep"), "deep")
        self.assertEqual(await self.objects["list"][1]("listed"), "listed")

    async def test_callbacks(self):
        seen = []

        async def remember(value):
            seen.append(value)
            await asyncio.sleep(0.01)
            return len(seen)

        self.assertEqual(await self.objects.call_back(remember, 3, "x"), [1, 2, 3])
        self.assertEqual(seen, ["x", "x", "x"])
        await self.clean()

    async def test_callback_fails(self):
        def fail(*_):
            raise ValueError("too many mushrooms")

        text = await self.refusal(self.objects.call_back(fail))
        self.assertIn("too many mushrooms", text)
        await self.clean()

    async def test_nested_callback(self):
        async def use(double):
            return await double(10) + await double(11)

        self.assertEqual(await self.objects.nest(use), 42)
        await self.clean()

    async def test_function_of_a_callback(self):
        self.assertEqual(await self.objects.curry(lambda a: lambda b: a * b, 6, 7), 42)

    async def test_callbacks_of_a_client_that_encrypts(self):
        sealed = await self.connect("ws-objects", client_id="sealed", encryption=True)
        objects = await sealed.get_service(OBJECTS)
        self.assertEqual(await objects.call_back(lambda value: value + "!", 2, "x"), ["x!", "x!"])
        self.assertEqual(await objects.curry(lambda a: lambda b: a * b, 6, 7), 42)
        self.assertEqual(await objects.sum(iter([1, 2, 3])), 6)
        await self.clean()

    async def test_generators_of_ours(self):
        self.assertEqual([item async for item in await self.objects.count(4)], [0, 1, 2, 3])
        await self.clean()
        generator = await self.objects.count(1000)
        async for item in generator:
            if item == 2:
                break
        await generator.aclose()
        await self.clean()
        items = []
        with self.assertRaisesRegex(Exception, "failed at 2"):
            async for item in await self.objects.count(10, 2):
                items.append(item)
        self.assertEqual(items, [0, 1])
        await self.clean()

    async def test_generators_of_theirs(self):
        async def count(last):
            for number in range(1, last + 1):
                yield number

        self.assertEqual(await self.objects.sum(count(4)), 10)
        self.assertEqual(await self.objects.sum(count(1000), 3), 6)
        self.assertEqual(await self.objects.sum(iter([1, 2, 3])), 6)

        async def fail():
            yield 1
            raise ValueError("out of numbers")

        self.assertIn("out of numbers", await self.refusal(self.objects.sum(fail())))
        await self.clean()

    async def test_objects_of_ours(self):
        lent = await self.objects.lend()
        self.assertEqual(lent["answer"], 42)
        self.assertEqual(await lent["hello"]("you"), "hello you")
        await lent["_dispose"]()
        self.assertIn("not found", await self.refusal(lent["hello"]("late")))
        await self.clean()

    async def test_objects_of_theirs(self):
        kept = {"_rintf": True, "hello": lambda name: f"bonjour {name}"}
        self.assertTrue(await self.objects.keep(kept))
        self.assertEqual(await self.objects.use_kept("you"), "bonjour you")
        await self.objects.dispose_kept()

        async def is_disposed():
            try:
                await self.objects.use_kept("late")
            except Exception as error:  # pylint: disable=broad-except
                return str(error)
            return None

        self.assertIn("not found", (await self.until(is_disposed, "disposing")).lower())
        await self.clean()

    async def test_slow(self):
        patient = await self.connect("ws-objects", client_id="patient", method_timeout=1)
        value, seconds = await self.timed((await patient.get_service(OBJECTS)).slow(3))
        self.assertEqual(value, "awake")
        self.assertGreaterEqual(seconds, 2.9)

    async def test_classes_of_errors(self):
        for code, name in {NOT_FOUND: "KeyError", PERMISSION_DENIED: "PermissionError",
                           INVALID_ARGUMENT: "ValueError"}.items():
            with self.subTest(name):
                text = await self.refusal(self.objects.fail(code))
                self.assertIn("überall Pilze", text)
                self.assertIn(f"{name}: ", text)

    async def test_keywords(self):
        self.assertEqual(await self.objects.keywords(1, c=3), {"a": 1, "b": None, "c": 3})
        self.assertEqual(await self.objects.keywords(b=2), {"a": None, "b": 2, "c": None})

    async def test_context(self):
        context = await self.objects.who()
        self.assertEqual(context["from"], "ws-objects/asker")
        self.assertEqual(context["ws"], "ws-objects")

    async def test_special_values(self):
        special = await self.objects.special()
        self.assertEqual(special["matrix"].shape, (2, 2))
        self.assertEqual(special["matrix"].dtype, numpy.float32)
        self.assertEqual(special["matrix"].tolist(), [[1.5, -2], [3, 4]])
        self.assertEqual(special["set"], {"a", "b"})
        self.assertEqual(dict(special["map"]), {"a": 1})
        array = numpy.zeros((2, 3), dtype="int16")
        self.assertEqual(await self.objects.measure(array),
                         {"dtype": "int16", "shape": [2, 3], "size": 12})

    async def test_files_of_ours(self):
        data = bytes(range(256)) * 4096
        file = await self.objects.file(len(data))
        self.assertEqual((file.name, file.type, file.size),
                         ("bytes.bin", "application/octet-stream", len(data)))
        self.assertEqual(await file.read(10), data[:10])
        self.assertEqual(await file.seek(-6, 2), len(data) - 6)
        self.assertEqual(await file.read(10), data[-6:])
        self.assertEqual(await file.read(10), b"")
        await file.seek(2)
        self.assertTrue(await file.read() == data[2:])
        await self.clean()
        file = await self.objects.file(10)
        await file.close()
        self.assertIn("not found", await self.refusal(file.read(1)))
        await self.clean()

    async def test_files_of_theirs(self):
        self.assertEqual(await self.objects.text_of(io.BytesIO("über Pilze".encode())), "über Pilze")
        self.assertEqual(await self.objects.text_of(io.StringIO("über Pilze"), 5), "Pilze")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"0123456789")
            file.flush()
            with open(file.name, "rb") as again:
                self.assertEqual(await self.objects.text_of(again, 3), "3456789")
        self.assertIn("not a file", await self.refusal(self.objects.text_of("text")))
        await self.clean()

    async def test_values_that_are_passed_on(self):
        array = numpy.arange(6, dtype="float32").reshape(2, 3)
        self.assertTrue((await self.objects.echo(array) == array).all())
        self.assertEqual(await self.objects.echo({1, 2}), {1, 2})
        self.assertEqual(await self.objects.echo(2**63), 2**63)
        self.assertEqual(bytes(await self.objects.echo(memoryview(b"ab"))), b"ab")

    async def test_big(self):
        for length in (300 * 1024, 64 * 1024 * 1024):
            with self.subTest(length):
                data = bytes(range(256)) * (length // 256)
                self.assertEqual(await self.objects.size(data), length)
                self.assertTrue(await self.objects.blob(length) == data)
        await self.clean()


tap.main()
