#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Services and apps of a stock Python client, over plain HTTP."""

import asyncio
import json
import time
import urllib.error
import urllib.request

import msgpack
import tap
from hypha_rpc.utils.schema import schema_function
from stock import DEADLINE, URL, StockTestCase
from tokens import mint

PAUSE = 0.1


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.times = []
        pieces = []
        while piece := response.read1(65536):
            pieces.append(piece)
            self.times.append(time.monotonic())
        self.body = b"".join(pieces)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


def ask(path, body=None, method=None, token=None, **headers):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers.setdefault("Content_Type", "application/json")
    if token is not None:
        headers["Authorization"] = token if " " in token else f"Bearer {token}"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(URL + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as response:
            return Answer(response)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error)


class HttpTestCase(StockTestCase):
    async def ask(self, path, *args, **options):
        return await asyncio.to_thread(ask, path, *args, **options)

    async def provide(self, service, workspace="ws-calls"):
        provider = await self.connect(workspace, client_id="python")
        config = {"visibility": "public", **service.pop("config", {})}
        await provider.register_service({"config": config, **service})

    async def call(self, path, *args, **options):
        answer = await self.ask(f"/ws-calls/services/{path}", *args, **options)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json


class Calls(HttpTestCase):
    async def asyncSetUp(self):
        def subtract(minuend, subtrahend=1):
            return minuend - subtrahend

        def fail(why):
            raise ValueError(why)

        async def fail_later(why):
            raise ValueError(why)

        await self.provide({
            "id": "calls", "subtract": subtract, "say_hello": lambda name: f"Hello, {name}!",
            "echo": lambda value: value, "nothing": lambda: None, "fail": fail, "fail_later": fail_later,
            "answer": 42,
            "deep": {"er": {"subtract": subtract}}, "kinds": lambda: [1, 2.5, "ž", None, True, b"\0\xff"],
            "raw": lambda: b"\0\xff"})

    async def test_asgi_2_a_function_with_an_argument(self):
        self.assertEqual(await self.call("calls/sayHello?name=HTTP"), "Hello, HTTP!")
        self.assertEqual(await self.call("calls/say_hello?name=HTTP"), "Hello, HTTP!")
        info = await self.call("calls")
        self.assertEqual(info["id"], "calls")

    async def test_arguments_by_name(self):
        self.assertEqual(await self.call("calls/subtract?subtrahend=2&minuend=9"), 7)
        self.assertEqual(await self.call("calls/subtract?minuend=9"), 8)
        self.assertEqual(await self.call("calls/subtract", {"subtrahend": 9, "minuend": 2}), -7)
        self.assertEqual(await self.call("calls/deep/er/subtract?subtrahend=2&minuend=9"), 7)
        self.assertEqual(await self.call("calls/deep.er.subtract?subtrahend=2&minuend=9"), 7)

    async def test_openapi(self):
        def scale(size: int, names: list, unit: str = "px") -> str:
            """Makes it larger."""
            return f"{size}{unit}{names}"

        provider = await self.connect("ws-calls", client_id="described")
        await provider.register_service({"id": "described", "config": {"visibility": "public"},
                                         "deep": {"scale": schema_function(scale)}})
        for place in "services/described/", "":
            document = (await self.ask(f"/ws-calls/{place}openapi.json")).json
            self.assertEqual(document["openapi"], "3.1.0")
            self.assertEqual(document["servers"], [{"url": URL}])
            [path] = [path for path in document["paths"] if path.endswith("/deep.scale")]
            get = document["paths"][path]["get"]
            self.assertEqual(get["description"], "Makes it larger.")
            parameters = {p["name"]: p for p in get["parameters"] if "name" in p}
            self.assertEqual(parameters["size"]["schema"]["type"], "integer")
            self.assertTrue(parameters["size"]["required"])
            self.assertFalse(parameters["unit"]["required"])
            self.assertEqual(parameters["names"]["content"]["application/json"]["schema"]["type"],
                             "array")
            query = "?size=2&names=[%22a%22]"
            answer = await self.ask(path + query)
            self.assertEqual(answer.json, "2px['a']")

    async def test_the_body_comes_before_the_query(self):
        self.assertEqual(await self.call("calls/subtract?minuend=1", {"minuend": 9}), 8)

    async def test_arguments_by_position(self):
        self.assertEqual(await self.call("calls/subtract", [9, 2]), 7)

    async def test_texts_of_a_query_are_values(self):
        for text, value in {"true": True, "null": None, "-12": -12, "1.5": 1.5, "x": "x",
                            "[1,2]": [1, 2], "{%22a%22:1}": {"a": 1}, "[1,": "[1,",
                            "9007199254740993": "9007199254740993", "%C5%BE+%2B": "ž +"}.items():
            with self.subTest(text):
                self.assertEqual(await self.call(f"calls/echo?value={text}"), value)

    async def test_results(self):
        self.assertEqual(await self.call("calls/kinds"), [1, 2.5, "ž", None, True, "AP8="])
        self.assertIsNone(await self.call("calls/nothing"))
        self.assertEqual(await self.call("calls/answer"), 42)
        raw = await self.ask("/ws-calls/services/calls/raw")
        self.assertEqual(raw.body, b"\0\xff")
        self.assertEqual(raw.headers.get_content_type(), "application/octet-stream")

    async def test_message_pack_both_ways(self):
        body = msgpack.packb({"value": {"bytes": b"\0\xff", "list": [1, None]}})
        answer = await self.ask("/ws-calls/services/calls/echo", body,
                                Content_Type="application/msgpack", Accept="application/msgpack")
        self.assertEqual(answer.headers.get_content_type(), "application/msgpack")
        self.assertEqual(msgpack.unpackb(answer.body), {"bytes": b"\0\xff", "list": [1, None]})

    async def test_errors(self):
        answer = await self.ask("/ws-calls/services/calls/fail?why=no+luck")
        self.assertEqual(answer.status, 400)
        self.assertFalse(answer.json["success"])
        self.assertEqual(answer.json["detail"], "RemoteError: no luck")
        answer = await self.ask("/ws-calls/services/calls/fail_later?why=no+luck")
        self.assertEqual((answer.status, answer.json["detail"]), (400, "RemoteError: ValueError: no luck"))
        for path, detail in {"calls/none": "Function none not found",
                             "none/none": "Service none not found"}.items():
            answer = await self.ask(f"/ws-calls/services/{path}")
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.json, {"success": False, "detail": detail})

    async def test_many_at_once(self):
        answers = await asyncio.gather(*(self.call(f"calls/subtract?minuend={i}")
                                         for i in range(50)))
        self.assertEqual(answers, [i - 1 for i in range(50)])

    async def test_a_large_body_and_answer(self):
        text = "x" * (3 << 20)
        self.assertEqual(await self.call("calls/echo", {"value": text}), text)


class Context(HttpTestCase):
    async def asyncSetUp(self):
        def told(value, context=None):
            return context and {"ws": context["ws"], "from": context["from"], "user": context["user"]}

        def untold(*args):
            return len(args)

        nested = {"told": told, "deep": {"told": told}}
        await self.provide({"id": "context", "config": {"require_context": True}, **nested})
        await self.provide({"id": "plain", "untold": untold, "told": told}, "ws-plain")

    async def test_context_3_5_and_7(self):
        for path in ("told", "deep/told"):
            context = await self.call(f"context/{path}?value=1", token=mint("ws-calls"))
            self.assertEqual(context["ws"], "ws-calls")
            self.assertTrue(context["from"].startswith("ws-calls/http-"), context)
            self.assertEqual(context["user"]["id"], "alice")

    async def test_context_5_is_of_who_asks(self):
        """The workspace of the path is what is asked about, never who asks."""
        context = await self.call("context/told?value=1", token=mint("ws-other", "bob"))
        self.assertEqual((context["ws"], context["user"]["id"]), ("ws-other", "bob"))
        context = await self.call("context/told?value=1")
        self.assertTrue(context["user"]["is_anonymous"])
        self.assertNotEqual(context["ws"], "ws-calls")

    async def test_context_4_and_7_cannot_be_given(self):
        forged = {"value": 1, "context": {"ws": "ws-root", "from": "root", "user": {"id": "root"}}}
        answer = await self.ask("/ws-calls/services/context/told", forged, token=mint("ws-other"))
        self.assertNotIn(b"root", answer.body)

    async def test_context_2_and_7_is_not_given_unasked(self):
        answer = await self.ask("/ws-plain/services/plain/untold")
        self.assertEqual(answer.json, 0)
        answer = await self.ask("/ws-plain/services/plain/told?value=1")
        self.assertIsNone(answer.json)


class Streaming(HttpTestCase):
    async def asyncSetUp(self):
        self.closed = asyncio.Event()

        async def count(end):
            for number in range(end):
                yield number

        def count_plainly(end):
            yield from range(end)

        async def promise(end):
            return count(end)

        async def mixed():
            for item in (1, "two", {"three": [3, None]}):
                yield item

        async def fail():
            yield 1
            yield 2
            raise ValueError("no more")

        async def slow():
            for number in range(3):
                yield number
                await asyncio.sleep(PAUSE)

        async def endless():
            try:
                while True:
                    yield "x" * 1000
            finally:
                self.closed.set()

        await self.provide({"id": "stream", "count": count, "count_plainly": count_plainly,
                            "promise": promise, "mixed": mixed, "fail": fail, "slow": slow,
                            "endless": endless})

    async def stream(self, path, *args, **options):
        answer = await self.ask(f"/ws-calls/services/stream/{path}", *args, **options)
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    async def test_streaming_1_2_3_generators_of_all_kinds(self):
        for name in ("count", "count_plainly", "promise"):
            for answer in (await self.stream(f"{name}?end=3"), await self.stream(name, {"end": 3})):
                self.assertEqual(answer.lines, [0, 1, 2], name)
                self.assertEqual(answer.headers.get_content_type(), "application/x-ndjson")
                self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        self.assertEqual((await self.stream("mixed")).lines, [1, "two", {"three": [3, None]}])

    async def test_streaming_4_an_error_is_the_last_item(self):
        lines = (await self.stream("fail")).lines
        self.assertEqual(lines[:2], [1, 2])
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[2]["type"], "error")
        self.assertEqual(lines[2]["error"], "ValueError: no more")

    async def test_items_come_as_they_are_made(self):
        times = (await self.stream("slow")).times
        self.assertGreaterEqual(len(times), 3)
        self.assertGreaterEqual(times[-1] - times[0], PAUSE)

    async def test_events_and_message_pack(self):
        events = await self.stream("count?end=2", Accept="text/event-stream")
        self.assertEqual(events.headers.get_content_type(), "text/event-stream")
        self.assertEqual(events.body, b"data: 0\n\ndata: 1\n\ndata: [DONE]\n\n")
        packed = await self.stream("mixed", Accept="application/msgpack")
        unpacker = msgpack.Unpacker()
        unpacker.feed(packed.body)
        self.assertEqual(list(unpacker), [1, "two", {"three": [3, None]}])

    async def test_a_reader_that_goes_closes_the_generator(self):
        def read_a_little():
            with urllib.request.urlopen(f"{URL}/ws-calls/services/stream/endless",
                                        timeout=DEADLINE) as response:
                return response.read(10)

        self.assertEqual(await asyncio.to_thread(read_a_little), b'"xxxxxxxxx')
        await asyncio.wait_for(self.closed.wait(), DEADLINE)


class Identity(HttpTestCase):
    async def echo(self, token):
        answer = await self.ask("/ws-calls/services/ws/echo", {"msg": "hello"}, token=token)
        return answer.status, answer.json

    async def test_jwt_1_2_3_4_everybody_may_echo(self):
        for token in (mint("ws-calls"), mint("ws-calls", "bob"), mint("ws-other"), "nonsense",
                      "Bearer", "Malformed header", mint("ws-calls", secret="forged " * 8), None):
            with self.subTest(token):
                self.assertEqual(await self.echo(token), (200, "hello"))

    async def test_jwt_4_info_and_log(self):
        for name in ("info", "log"):
            self.assertIsNone(await self.call(f"ws/{name}", {"msg": "a line of the tests"}))

    async def test_a_protected_service(self):
        await self.provide({"id": "inner", "config": {"visibility": "protected"},
                            "hello": lambda: "hello"})
        self.assertEqual(await self.call("inner/hello", token=mint("ws-calls")), "hello")
        for token in (None, mint("ws-other"), mint("ws-calls", secret="forged " * 8)):
            answer = await self.ask("/ws-calls/services/inner/hello", token=token)
            self.assertIn(answer.status, (401, 403, 404), answer.body)
            self.assertNotEqual(answer.json, "hello")


class Apps(HttpTestCase):
    async def asyncSetUp(self):
        async def serve(args, context=None):
            scope, receive, send = args["scope"], args["receive"], args["send"]
            path, status, kind, pieces = scope["path"], 200, b"text/plain", [path_text(scope)]
            if path == "/json":
                kind, pieces = b"application/json", [b'{"hello": "world"}']
            elif path in ("/404", "/500"):
                status, pieces = int(path[1:]), [b"as the app says"]
            elif path == "/slow":
                pieces = [b"one ", b"two ", b"three"]
            elif path == "/upload":
                pieces = [str(len(await body_of(receive))).encode()]
            elif path == "/context":
                pieces = [json.dumps(context and context["user"]["id"]).encode()]
            elif path == "/fail":
                raise ValueError("out of order")
            await send({"type": "http.response.start", "status": status,
                        "headers": [[b"content-type", kind], [b"x-app", b"yes"]]})
            for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if path == "/slow":
                    await asyncio.sleep(PAUSE)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        def path_text(scope):
            return f"{scope['method']} {scope['path']} {bytes(scope['query_string']).decode()}".encode()

        async def body_of(receive):
            body, more = b"", True
            while more:
                message = await receive()
                body += message["body"]
                more = message["more_body"]
            return body

        await self.provide({"id": "app", "type": "asgi", "serve": serve,
                            "config": {"require_context": True}})

    async def app(self, path, *args, **options):
        return await self.ask(f"/ws-calls/apps/app{path}", *args, **options)

    async def test_asgi_1_health(self):
        self.assertEqual((await self.ask("/health")).status, 200)

    async def test_asgi_3_and_simple_asgi_paths(self):
        for path, text in {"/": "GET / ", "/hello": "GET /hello ", "/a/b%20c?d=%26": "GET /a/b c d=%26",
                           "/test": "GET /test "}.items():
            answer = await self.app(path)
            self.assertEqual((answer.status, answer.body.decode()), (200, text))
            self.assertEqual(answer.headers["x-app"], "yes")
        answer = await self.app("/json")
        self.assertEqual(answer.json, {"hello": "world"})
        self.assertEqual(answer.headers.get_content_type(), "application/json")

    async def test_asgi_4_pieces_come_as_they_are_sent(self):
        answer = await self.app("/slow")
        self.assertEqual(answer.body, b"one two three")
        self.assertGreaterEqual(answer.times[-1] - answer.times[0], PAUSE)

    async def test_asgi_5_statuses_are_the_app_s(self):
        for path in ("/404", "/500"):
            answer = await self.app(path)
            self.assertEqual((answer.status, answer.body), (int(path[1:]), b"as the app says"))

    async def test_context_6_the_app_is_told_who_asks(self):
        answer = await self.app("/context", token=mint("ws-other", "bob"))
        self.assertEqual(answer.json, "bob")

    async def test_a_body_of_many_pieces(self):
        for size in (0, 1, 300_000, 3 << 20):
            answer = await self.app("/upload", b"x" * size, "PUT")
            self.assertEqual(answer.body, str(size).encode())

    async def test_an_error_before_the_start(self):
        answer = await self.app("/fail")
        self.assertEqual(answer.status, 500)
        self.assertEqual(answer.json["detail"], "Internal Server Error")
        self.assertIs(answer.json["success"], False)
        self.assertRegex(answer.json["error"], r"^\w+: .*out of order$")


tap.main()
