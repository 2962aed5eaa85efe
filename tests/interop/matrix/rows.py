# SPDX-License-Identifier: MIT
"""The rows of the matrix in Python: what a provider offers, and what a consumer does with it.

rows.mjs is the same in JavaScript; names and texts are shared.
"""

import asyncio
import io
import re
import time

import numpy

from values import PLAIN, SAMPLES, check, same, show

AT_ONCE = 1.0
DEADLINE = 20.0
KIB_300 = 300 * 1024
MIB_64 = 64 * 1024 * 1024


def pattern(size):
    index = numpy.arange(size, dtype=numpy.int64)
    return ((index * 31 + (index >> 16)) & 0xFF).astype(numpy.uint8).tobytes()


def total(block):
    # As rows.mjs sums, a stretch at a time: for a long block a loop over bytes takes too long.
    value = 0
    modulus = 0x7FFFFFFF
    data = numpy.frombuffer(block, dtype=numpy.uint8)
    step = 1024
    powers = [1]
    for _ in range(step):
        powers.append(powers[-1] * 33 % modulus)
    weights = numpy.array(powers[:step][::-1], dtype=numpy.int64)
    whole = len(data) // step * step
    if whole:
        # Each product is below 2^39, and the sum of 1024 of them below 2^49.
        for part in (data[:whole].reshape(-1, step).astype(numpy.int64) @ weights).tolist():
            value = (value * powers[step] + part) % modulus
    for byte in data[whole:].tolist():
        value = (value * 33 + byte) % modulus
    return value


async def refusal(awaitable, expression, limit=DEADLINE):
    """A time-out of the client's is an error like any other; not to end within the limit is none."""
    task = asyncio.ensure_future(awaitable)
    if not (await asyncio.wait([task], timeout=limit))[0]:
        task.cancel()
        raise AssertionError(f"no {expression} in {limit} s")
    error = task.exception()
    check(error is not None, f"it was answered, but should fail with {expression}")
    check(re.search(expression, str(error)), f"it failed with “{str(error)[:300]}”, not {expression}")


async def until(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not await condition():
        check(time.monotonic() < deadline, f"{what} did not happen")
        await asyncio.sleep(0.02)


def blocks():
    """Members that take and give long messages: a service needs functions of its own."""
    async def size(block):
        return [len(block), total(block)]

    async def make(length):
        return pattern(length)

    return {"size": size, "make": make}


def stream(text):
    """A stream; what comes of one in another client is what it can be read with."""
    return io.BytesIO(text.encode())


async def drain(source):
    """The text of one, in two parts: where the first ends, the second begins."""
    return [bytes(await source.read(5)).decode(), bytes(await source.read()).decode()]


# The provider ------------------------------------------------------------------------------------


async def provide(me, api):
    """Makes the services with which every row works; `me` is the agent they belong to."""
    kept = {}
    guests = {}
    closed = set()

    async def count(limit, slot):
        try:
            for number in range(limit):
                yield number
        finally:
            closed.add(slot)

    async def broken(after):
        for number in range(after):
            yield number
        raise ValueError("the generator broke")

    def common():
        """What a guest of the provider has as well."""
        async def add(a, b):
            return a + b

        async def apply(callback, value):
            return await callback(value)

        async def fail(why):
            raise ValueError(why)

        async def get_count(limit, slot=None):
            return count(limit, slot)

        async def get_closed(slot):
            return slot in closed

        return {**blocks(), "add": add, "apply": apply, "fail": fail, "count": get_count,
                "closed": get_closed}

    async def join(*words):
        return "-".join(words)

    async def echo(value):
        return value

    async def named(first, second, third):
        return [first, second, third]

    async def nest(callback, value):
        async def double(number):
            return number * 2

        return await callback(value, double)

    async def each(callback, n):
        return list(await asyncio.gather(*(callback(i) for i in range(n))))

    async def keep(slot, obj):
        kept[slot] = obj

    async def poke(slot, value):
        return await kept[slot]["hello"](value)

    async def drop(slot):
        await kept[slot]["_dispose"]()

    async def give(name):
        async def hello(value):
            return f"{name} says {value}"

        return {"_rintf": True, "hello": hello}

    async def slow(ms):
        await asyncio.sleep(ms / 1000)
        return ms

    async def freeze(ms):
        asyncio.get_running_loop().call_later(0.1, time.sleep, ms / 1000)

    async def publish(name, config, value):
        async def answer():
            return value

        info = await api.register_service({"id": name, "config": config, "value": answer},
                                          {"overwrite": True})
        return info["id"].split("@")[0]

    async def withdraw(name):
        await api.unregister_service(name)

    async def host(name, options):
        async def never():
            await asyncio.Event().wait()

        async def hello(value):
            return value

        async def lend():
            return {"_rintf": True, "hello": hello}

        guests[name] = await me.fresh("ws-matrix", **options)
        info = await guests[name].register_service(
            {"id": name, "never": never, "lend": lend, **common()})
        return info["id"].split("@")[0]

    async def leave(name):
        await guests[name].disconnect()

    async def token():
        return await api.generate_token({"expires_in": 60})

    async def trust(name, key):
        sealed = await me.client("ws-matrix", encryption=True)
        return await provide_sealed(sealed, name, key)

    async def show_value(value):
        return show(value)

    async def sample(name):
        return SAMPLES[name]()

    async def get_stream(text):
        return stream(text)

    async def get_broken(after):
        return broken(after)

    await api.register_service({
        "id": "matrix", "name": "Matrix", "description": "what every row of the matrix calls",
        **common(), "deep": {"er": {"join": join}}, "echo": echo, "show": show_value,
        "sample": sample, "named": named, "nest": nest, "each": each, "keep": keep, "poke": poke,
        "drop": drop, "give": give, "broken": get_broken, "slow": slow, "freeze": freeze,
        "drain": drain, "stream": get_stream, "publish": publish, "withdraw": withdraw,
        "host": host, "leave": leave, "token": token, "trust": trust,
    }, {"overwrite": True})

    async def call(callback, value):
        return await callback(value)

    async def who(context=None):
        return [context["ws"], context["from"], context["user"]["id"], context["to"]]

    await api.register_service(
        {"id": "context", "config": {"visibility": "public", "require_context": True}, "who": who},
        {"overwrite": True})
    await api.register_service(
        {"id": "open", "config": {"visibility": "public"}, **blocks(), "apply": call},
        {"overwrite": True})


async def provide_sealed(api, name, key):
    """A service of a client that encrypts, for one consumer's key; answers with its own key."""
    for suffix, config in (("", {}), ("-trusted", {"trusted_keys": [key]})):
        async def secret(callback, value):
            return await callback(f"{value}, sealed")

        await api.register_service(
            {"id": name + suffix, "config": {"visibility": "public", **config}, **blocks(),
             "secret": secret}, {"overwrite": True})
    return {"client": api.config["client_id"], "key": api.rpc.get_public_key()}


# The consumer ------------------------------------------------------------------------------------

ROWS = {}


def row(name):
    def take(function):
        ROWS[name] = function
        return function
    return take


async def ids(api, *query):
    return [info["id"].split("@")[0] for info in await api.list_services(*query)]


@row("connect")
async def connect(t):
    same([t.api.config["workspace"], t.api.config["client_id"], t.api.config["user"]["id"]],
         ["ws-matrix", t.me.client_id, "alice"], "config")
    anonymous = await t.me.fresh(None)
    check(anonymous.config["workspace"].startswith("anonymous-"), anonymous.config["workspace"])
    await anonymous.disconnect()


@row("refused with a bad token")
async def bad_token(t):
    await refusal(t.me.fresh("ws-matrix", token="a.b.c"), "oken")


@row("register, update, unregister")
async def register(t):
    name = await t.service.publish(t.name, {}, 1)
    check(name == f"{t.at}:{t.name}", name)
    check(name in await ids(t.api), "it is not listed")
    check(await (await t.api.get_service(name)).value() == 1, "not the first value")
    await t.service.publish(t.name, {}, 2)
    check((await ids(t.api)).count(name) == 1, "listed more than once")
    check(await (await t.api.get_service(name)).value() == 2, "not the second value")
    await t.service.withdraw(t.name)
    check(name not in await ids(t.api), "still listed")
    check(await t.api.get_service(name) is None, "still found")


@row("list")
async def list_services(t):
    found = [info for info in await t.api.list_services()
             if info["id"].split("@")[0] == f"{t.at}:matrix"]
    check(len(found) == 1, f"{len(found)} are listed")
    config = found[0]["config"]
    same([found[0]["name"], found[0]["description"], config["visibility"], config["workspace"]],
         ["Matrix", "what every row of the matrix calls", "protected", "ws-matrix"], "what it says")


@row("get")
async def get(t):
    for name in (f"{t.at.split('/')[1]}:matrix", f"{t.at}:matrix"):
        check(await (await t.api.get_service(name)).add(40, 2) == 42, name)
    for name in (f"{t.at}:nothing", "ws-matrix/nobody:nothing"):
        check(await t.api.get_service(name) is None, "found what is not there")


@row("nested members")
async def nested(t):
    same(await t.service.deep.er.join("a", "b", "c"), "a-b-c", "deep.er.join")


@row("plain values")
async def plain(t):
    for name, value in t.wanted(PLAIN):
        same(await t.service.echo(value), value, name)


@row("values of a type, there")
async def values_there(t):
    for name, make in t.wanted(SAMPLES):
        same(await t.service.show(make()), show(make()), name)


@row("values of a type, there and back")
async def values_there_and_back(t):
    for name, make in t.wanted(SAMPLES):
        same(show(await t.service.echo(make())), show(make()), name)


@row("values of a type, back")
async def values_back(t):
    for name, make in t.wanted(SAMPLES):
        same(show(await t.service.sample(name)), show(make()), name)


@row("stream given")
async def stream_given(t):
    same(await t.service.drain(stream(f"given {t.name} 🍄")), ["given", f" {t.name} 🍄"], "read")


@row("stream taken")
async def stream_taken(t):
    taken = await t.service.stream(f"taken {t.name} 🍄")
    same(await drain(taken), ["taken", f" {t.name} 🍄"], "read")


@row("keyword arguments")
async def keywords(t):
    same(await t.service.named(1, 2, 3), [1, 2, 3], "by position")
    same(await t.service.named(first=1, second=2, third=3), [1, 2, 3], "by name")
    if t.provider_language == "python":
        same(await t.service.named(1, third=3, second=2), [1, 2, 3], "mixed")


@row("who calls")
async def who_calls(t):
    stranger = await t.me.client("ws-stranger")
    service = await stranger.get_service(f"{t.at}:context")
    same(await service.who(),
         ["ws-stranger", f"ws-stranger/{stranger.config['client_id']}", "alice", t.at], "context")


@row("errors arrive")
async def errors(t):
    await refusal(t.service.fail("the sum is too long: 🍄"), "the sum is too long: 🍄")


@row("callbacks")
async def callbacks(t):
    async def increment(x):
        return x + 1

    async def square(x):
        return x * x

    async def no(_):
        raise ValueError("the caller says no")

    check(await t.service.apply(increment, 41) == 42, "apply")
    same(await t.service.each(square, 20), [i * i for i in range(20)], "each")
    await refusal(t.service.apply(no, 1), "the caller says no")


@row("nested callbacks")
async def nested_callbacks(t):
    async def callback(x, double):
        return await double(x) + 1

    check(await t.service.nest(callback, 20) == 41, "nest")


def interface(heard):
    async def hello(value):
        heard.append(value)
        return len(heard)

    return {"_rintf": True, "hello": hello}


@row("_rintf given")
async def rintf_given(t):
    heard = []
    await t.service.keep(t.name, interface(heard))
    check(await t.service.poke(t.name, "one") == 1, "first")
    check(await t.service.poke(t.name, "two") == 2, "second")
    same(heard, ["one", "two"], "what it heard")


@row("_rintf disposed")
async def rintf_disposed(t):
    await t.service.keep(t.name, interface([]))
    check(await t.service.poke(t.name, "") == 1, "not there")
    await t.service.drop(t.name)
    await refusal(t.service.poke(t.name, ""), "(?i)not found")


@row("_rintf taken")
async def rintf_taken(t):
    taken = await t.service.give("the provider")
    check(await taken["hello"]("hi") == "the provider says hi", "first")
    check(await taken["hello"]("ho") == "the provider says ho", "second")


@row("_rintf of a client that goes")
async def rintf_gone(t):
    passing = await t.me.fresh("ws-matrix")
    own = await passing.get_service(f"{t.at}:matrix")
    await own.keep(t.name, interface([]))
    check(await t.service.poke(t.name, "") == 1, "not there")
    await passing.disconnect()
    start = time.monotonic()
    await refusal(t.service.poke(t.name, ""), "(?i)not connected|disconnected|gone")
    check(time.monotonic() - start < AT_ONCE, f"it took {time.monotonic() - start} s")


@row("generator, finished")
async def generator(t):
    same([item async for item in await t.service.count(5)], [0, 1, 2, 3, 4], "items")


@row("generator, abandoned")
async def generator_abandoned(t):
    items = await t.service.count(1_000_000, t.name)
    async for item in items:
        if item == 2:
            break
    await items.aclose()

    async def ended():
        return await t.service.closed(t.name)

    await until(ended, "the end of the generator")


@row("generator, failing")
async def generator_failing(t):
    items = []

    async def read():
        async for item in await t.service.broken(2):
            items.append(item)

    await refusal(read(), "the generator broke")
    same(items, [0, 1], "items")


@row("300 KiB both ways")
async def big(t):
    block = pattern(KIB_300)
    same(await t.service.size(block), [KIB_300, total(block)], "there")
    check(await t.service.make(KIB_300) == block, "back")


@row("300 KiB across workspaces")
async def big_across(t):
    async def make(size):
        return pattern(size)

    stranger = await t.me.client("ws-stranger")
    service = await stranger.get_service(f"{t.at}:open")
    block = pattern(KIB_300)
    same(await service.size(block), [KIB_300, total(block)], "there")
    check(await service.make(KIB_300) == block, "back")
    check(await service.apply(make, KIB_300) == block, "by a callback")


@row("64 MiB there")
async def huge_there(t):
    patient = await t.me.client("ws-matrix", method_timeout=60)
    block = pattern(MIB_64)
    service = await patient.get_service(f"{t.at}:matrix")
    same(await service.size(block), [MIB_64, total(block)], "size")


@row("64 MiB back")
async def huge_back(t):
    patient = await t.me.client("ws-matrix", method_timeout=60)
    service = await patient.get_service(f"{t.at}:matrix")
    check(await service.make(MIB_64) == pattern(MIB_64), "sum")


@row("heartbeats beyond the time-out")
async def heartbeats(t):
    hasty = await t.me.client("ws-matrix", method_timeout=1)
    check(await (await hasty.get_service(f"{t.at}:matrix")).slow(2_500) == 2_500, "slow")


@row("time-out")
async def time_out(t):
    hasty = await t.me.client("ws-matrix", method_timeout=1)
    own = await hasty.get_service(f"{t.at}:matrix")

    async def forever():
        while True:
            await own.add(1, 2)

    await t.service.freeze(2_500)
    await refusal(forever(), "timed? out", 5)
    check(await t.service.add(40, 2) == 42, "not there afterwards")


@row("successes and failures at once")
async def mixed(t):
    answers = await asyncio.gather(
        *(t.service.add(i, i) if i % 3 else t.service.fail(f"no {i}.") for i in range(300)),
        return_exceptions=True)
    for i, answer in enumerate(answers):
        if i % 3:
            check(answer == 2 * i, f"{i}: {answer}")
        else:
            check(isinstance(answer, Exception) and f"no {i}." in str(answer), f"{i}: {answer}")


@row("a provider that goes")
async def provider_goes(t):
    brief = await t.api.get_service(await t.service.host(t.name, {}))
    check(await brief.add(40, 2) == 42, "add")
    gone = "(?i)disconnected|not connected|closed|gone"
    lent = await brief.lend()
    check(await lent["hello"]("hi") == "hi", "lent")
    pending = asyncio.ensure_future(refusal(brief.never(), gone))
    await asyncio.sleep(0)
    start = time.monotonic()
    await t.service.leave(t.name)
    await pending
    await refusal(brief.add(1, 2), gone)
    await refusal(lent["hello"]("hi"), gone)
    check(time.monotonic() - start < AT_ONCE, f"it took {time.monotonic() - start} s")


@row("visibility")
async def visibility(t):
    stranger = await t.me.client("ws-stranger")
    for kind, (listed, given) in t.wanted({"public": (True, True), "unlisted": (False, True),
                                           "protected": (False, False)}):
        name = await t.service.publish(f"{t.name}-{kind}", {"visibility": kind}, kind)
        check((name in await ids(stranger, {"workspace": "ws-matrix"})) == listed,
              f"{kind}: listed or not")
        if given:
            check(await (await stranger.get_service(name)).value() == kind, kind)
        else:
            await refusal(stranger.get_service(name), "ermission denied")
        await t.service.withdraw(f"{t.name}-{kind}")


@row("authorized workspaces")
async def authorized(t):
    name = await t.service.publish(
        t.name, {"visibility": "protected", "authorized_workspaces": ["ws-stranger"]}, "welcome")
    invited = await t.me.client("ws-stranger")
    check(await (await invited.get_service(name)).value() == "welcome", "value")
    third = await t.me.client("ws-third")
    await refusal(third.get_service(name), "ermission denied")
    await t.service.withdraw(t.name)


@row("tokens of the other")
async def tokens(t):
    guest = await t.me.fresh("ws-matrix", token=await t.service.token())
    check(guest.config["workspace"] == "ws-matrix", guest.config["workspace"])
    check(await guest.echo("in") == "in", "echo")
    await guest.disconnect()


@row("encryption")
async def encryption(t):
    async def opened(text):
        return f"{text} and opened"

    for workspace in ("ws-matrix", "ws-stranger"):
        sealed = await t.me.client(workspace, encryption=True)
        key = await t.service.trust(t.name, sealed.rpc.get_public_key())
        own = await sealed.get_service(f"ws-matrix/{key['client']}:{t.name}",
                                       {"encryption_public_key": key["key"]})
        same(await own.secret(opened, "said"), "said, sealed and opened", "callback")
        block = pattern(KIB_300)
        same(await own.size(block), [KIB_300, total(block)], f"300 KiB from {workspace}")
        check(await own.make(KIB_300) == block, f"300 KiB to {workspace}")


@row("trusted and untrusted keys")
async def trusted_keys(t):
    async def echo(text):
        return text

    sealed = await t.me.client("ws-matrix", encryption=True)
    other = await t.me.client("ws-stranger", encryption=True)
    key = await t.service.trust(t.name, sealed.rpc.get_public_key())
    name = f"ws-matrix/{key['client']}:{t.name}-trusted"

    async def get_sealed(client):
        return await client.get_service(name, {"encryption_public_key": key["key"]})

    same(await (await get_sealed(sealed)).secret(echo, "said"), "said, sealed", "trusted")
    await refusal((await get_sealed(other)).secret(echo, "said"), "not in the trusted keys list")
    await refusal((await sealed.get_service(name)).secret(echo, "said"), "Encryption required")


@row("WebRTC signalling")
async def signalling(t):
    service = await t.api.get_service(f"ws-matrix/{t.rtc['client']}-rtc")
    check(service is not None, "the signalling service is not there")
    answer = service.offer(t.rtc["offer"])
    if t.rtc["answers"]:
        check((await asyncio.wait_for(answer, DEADLINE))["type"] == "answer", "no answer")
    else:
        await refusal(answer, "RTC")


async def over_http(t, use):
    """Uses the provider's service over HTTP, and then that of a guest of it behind HTTP as well."""
    streaming = await t.me.client("ws-matrix", transport="http")
    await use(await streaming.get_service(f"{t.at}:matrix"), f"{t.name}, on a socket")
    for _ in t.wanted({"a provider over HTTP": True}):
        guest = await t.service.host(t.name, {"transport": "http"})
        await use(await streaming.get_service(guest), t.name)
        await t.service.leave(t.name)


@row("HTTP transport")
async def http_transport(t):
    async def increment(x):
        return x + 1

    async def use(own, _):
        check(await own.add(40, 2) == 42, "add")
        check(await own.apply(increment, 41) == 42, "apply")
        await refusal(own.fail("over HTTP"), "over HTTP")

    await over_http(t, use)


@row("HTTP transport, 300 KiB")
async def http_big(t):
    async def use(own, _):
        block = pattern(KIB_300)
        same(await own.size(block), [KIB_300, total(block)], "there")
        check(await own.make(KIB_300) == block, "back")

    await over_http(t, use)


@row("HTTP transport, generator")
async def http_generator(t):
    async def use(own, name):
        same([item async for item in await own.count(5)], [0, 1, 2, 3, 4], "items")
        items = await own.count(1_000_000, name)
        async for item in items:
            if item == 2:
                break
        await items.aclose()

        async def ended():
            return await own.closed(name)

        await until(ended, "the end of the generator")

    await over_http(t, use)
