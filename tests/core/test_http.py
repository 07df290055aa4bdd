"""One attempt against real sockets that misbehave: did it leave, who gave up, and is everything given back?"""

from __future__ import annotations

import asyncio
import errno
import gzip
import random
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import trustme

from nexevo_async import _connector, _session
from nexevo_async._http import HTTPSender
from nexevo_async._limits import Limits
from nexevo_async._messages import AttemptFailed, Delivery, FailureKind, Request, Safety
from nexevo_async.config import Connections
from nexevo_async.errors import ClientClosedError, ConfigurationError
from tests.core.raw_server import OK, Behaviour, RawServer, Visit, answer_all, free_port, saying
from tests.core.sending import GET, SECRET, a_sender, attempt, within

POST = Request(
    name="keys.create",
    method="POST",
    path="/v1/keys",
    safety=Safety.UNSAFE,
    body=b'{"name":"ci"}',
    idempotency_key="k-1",
    query=(("sk", SECRET),),
)


async def failure(
    sender: HTTPSender, url: str, request: Request = GET, *, limits: Limits | None = None
) -> AttemptFailed:
    """How the attempt fails; and nothing foreign, nothing secret."""
    with pytest.raises(AttemptFailed) as caught:
        await attempt(sender, url, request, limits=limits)
    assert "SECRET" not in f"{caught.value} {caught.value.detail}"
    assert "127.0.0.1" not in caught.value.detail
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


# -- what is sent


async def test_the_request_arrives_as_it_should() -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        response = await attempt(sender, server.url, POST)
        assert (response.status, response.body, response.url) == (200, b"{}", f"{server.url}/v1/keys")
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == f"POST /v1/keys?sk={SECRET} HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert headers["Authorization"] == f"Bearer {SECRET}"
        assert headers["Idempotency-Key"] == "k-1"
        assert headers["Content-Type"] == headers["Accept"] == "application/json"
        assert headers["User-Agent"].startswith("nexevo-python/")
        assert body == b'{"name":"ci"}'


async def test_a_header_of_the_caller_replaces_ours_whatever_its_spelling() -> None:
    request = Request(
        name="request",
        method="GET",
        path="/x",
        safety=Safety.SAFE,
        headers=(("x-team", "a"), ("AUTHORIZATION", "Bearer mine"), ("user-agent", "me"), ("X-Team", "b")),
    )
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url, request)
        lines = server.requests[0].decode().lower().split("\r\n")
        assert [line for line in lines if line.startswith("authorization")] == ["authorization: bearer mine"]
        assert [line for line in lines if line.startswith("user-agent")] == ["user-agent: me"]
        assert [line for line in lines if line.startswith("x-team")] == ["x-team: b"]


async def test_the_key_does_not_go_along_where_it_is_not_wanted() -> None:
    request = Request(name="endpoints.health", method="GET", path="/api/v1/healthy", safety=Safety.SAFE, auth=False)
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url, request)
        assert b"SECRET" not in server.requests[0]
        assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("way", ["direct", "through a session"])
async def test_nor_does_a_credential_that_the_caller_sends_with_every_call(way: str) -> None:
    headers = (("AUTHORIZATION", f"Bearer {SECRET}"), ("X-Team", "a"))
    request = Request(
        name="auth.login", method="POST", path="/v1/auth/login", safety=Safety.UNSAFE, auth=False, headers=headers
    )
    async with RawServer(answer_all) as server, aiohttp.ClientSession() as session:
        async with a_sender(session=None if way == "direct" else session) as sender:
            await attempt(sender, server.url, request)
        assert b"SECRET" not in server.requests[0]
        assert b"X-Team: a" in server.requests[0]


async def test_percent_encoded_paths_and_queries_stay_as_they_are() -> None:
    request = Request(
        name="x", method="GET", path="/v1/keys/a%2Fb%20c", safety=Safety.SAFE, query=(("q", "a b&c=d/é"), ("q", "+"))
    )
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url, request)
        assert server.requests[0].split(b" ")[1] == b"/v1/keys/a%2Fb%20c?q=a+b%26c%3Dd%2F%C3%A9&q=%2B"


async def test_a_redirect_is_an_answer_and_nobody_follows_it() -> None:
    async with RawServer(answer_all) as target:
        location = f"HTTP/1.1 307 x\r\nLocation: {target.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        async with RawServer(saying(location)) as server, a_sender() as sender:
            response = await attempt(sender, server.url, POST)
            assert response.status == 307
            assert (len(server.requests), target.connections) == (1, 0)


async def test_cookies_are_not_kept() -> None:
    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))

    async with RawServer(behave) as server, a_sender() as sender:
        await attempt(sender, server.url)
        await attempt(sender, server.url)
        assert b"cookie" not in server.requests[1].lower()
        assert server.connections == 1


async def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(b'{"a": 1}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with RawServer(saying(head + body)) as server, a_sender() as sender:
        assert (await attempt(sender, server.url)).body == b'{"a": 1}'


# -- it never left


async def test_nobody_listens() -> None:
    async with a_sender() as sender:
        failed = await failure(sender, f"http://127.0.0.1:{free_port()}", POST)
        assert failed.kind is FailureKind.REFUSED


async def test_the_name_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    async with a_sender() as sender:
        failed = await failure(sender, "http://gateway.example")
        assert (failed.kind, failed.kind.delivery) == (FailureKind.DNS, Delivery.NEVER)


async def test_the_name_server_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    async with a_sender() as sender:
        failed = await failure(sender, "http://gateway.example", limits=within(5.0, connect=0.05))
        assert (failed.kind, failed.limit) == (FailureKind.CONNECT_TIMEOUT, "connect")


@asynccontextmanager
async def black_hole() -> AsyncIterator[str]:
    """A port that does not answer to connecting: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{address[1]}"
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("connect", "total", "limit"), [(0.05, 5.0, "connect"), (None, 0.05, "total"), (5.0, 0.05, "total")]
)
async def test_a_connection_that_takes_too_long_names_the_limit(
    connect: float | None, total: float, limit: str
) -> None:
    async with black_hole() as url, a_sender() as sender:
        failed = await failure(sender, url, limits=within(total, connect=connect))
        assert (failed.kind, failed.limit) == (FailureKind.CONNECT_TIMEOUT, limit)


async def test_a_certificate_nobody_vouches_for() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with RawServer(answer_all, tls=context) as server, a_sender() as sender:
        failed = await failure(sender, server.url, POST)
        assert (failed.kind, failed.kind.delivery) == (FailureKind.CERTIFICATE, Delivery.NEVER)
        assert server.requests == []


async def test_a_trusted_certificate_is_trusted() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with RawServer(answer_all, tls=context) as server, a_sender(ssl=trusting) as sender:
        assert (await attempt(sender, server.url)).status == 200


async def test_plain_text_where_tls_was_expected() -> None:
    async def behave(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 400 Plain words here\r\n\r\n")
        await visit.hang()

    async with RawServer(behave) as server, a_sender() as sender:
        failed = await failure(sender, server.url.replace("http:", "https:"), POST)
        assert (failed.kind, failed.kind.delivery) == (FailureKind.TLS, Delivery.NEVER)
        assert failed.detail.endswith(": the port probably does not speak TLS")


async def test_a_tls_handshake_that_fails_says_what_tls_says() -> None:
    async def refuse(visit: Visit) -> None:
        visit.send(b"\x15\x03\x01\x00\x02\x02\x46")  # RFC 8446, 6: a fatal alert, protocol_version
        await visit.hang()

    async with RawServer(refuse) as server, a_sender() as sender:
        failed = await failure(sender, server.url.replace("http:", "https:"))
        assert (failed.kind, failed.detail) == (FailureKind.TLS, "tlsv1 alert protocol version")


async def test_a_tls_handshake_that_never_ends() -> None:
    async with RawServer(Visit.hang) as server, a_sender() as sender:
        url = server.url.replace("http:", "https:")
        failed = await failure(sender, url, limits=within(5.0, connect=0.05))
        assert (failed.kind, failed.limit) == (FailureKind.CONNECT_TIMEOUT, "connect")


async def test_no_file_is_left_for_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(_connector, "_socket", no_socket)
    async with a_sender() as sender:
        failed = await failure(sender, "http://127.0.0.1:1")
        assert (failed.kind, failed.detail) == (FailureKind.POOL, "this process has too many open files")


# -- a proxy


async def test_a_proxy_that_is_not_there() -> None:
    async with a_sender(proxy=f"http://user:{SECRET}@127.0.0.1:{free_port()}") as sender:
        assert (await failure(sender, "http://gateway.example", POST)).kind is FailureKind.PROXY


async def test_a_proxy_that_refuses_the_tunnel() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    async with RawServer(saying(refusal)) as server, a_sender(proxy=server.url) as sender:
        assert (await failure(sender, "https://gateway.example", POST)).kind is FailureKind.PROXY


async def test_a_proxy_that_wants_to_know_who_we_are_has_passed_nothing_on() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"
    async with RawServer(saying(refusal)) as server, a_sender(proxy=server.url) as sender:
        failed = await failure(sender, "http://gateway.example", POST)
    assert (failed.kind, failed.detail) == (FailureKind.PROXY, "the proxy wants a user name and a password")


async def test_a_proxy_that_never_builds_the_tunnel() -> None:
    async with RawServer(Visit.hang) as server, a_sender(proxy=server.url) as sender:
        failed = await failure(sender, "https://gateway.example", POST, limits=within(5.0, connect=0.1))
        assert (failed.kind, failed.limit) == (FailureKind.CONNECT_TIMEOUT, "connect")


@pytest.mark.parametrize("source", ["argument", "environment"])
async def test_a_proxy_is_used(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(answer_all) as server:
        if source == "environment":
            monkeypatch.setenv("http_proxy", server.url)
        async with a_sender(proxy=server.url if source == "argument" else None) as sender:
            await attempt(sender, "http://gateway.example")
            assert server.requests[0].startswith(b"GET http://gateway.example/v1/models HTTP/1.1")


async def test_a_proxy_of_the_environment_without_a_scheme_speaks_http(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        monkeypatch.setenv("http_proxy", server.url.removeprefix("http://"))
        await attempt(sender, "http://gateway.example")
        assert server.requests[0].startswith(b"GET http://gateway.example/v1/models HTTP/1.1")


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://user:{SECRET}@a..b:1", "label empty"),
        ("http://user:{SECRET}@127.0.0.1:99999", "out of range"),
        ("ht!tp://user:{SECRET}@127.0.0.1:1", "an address cannot be used, perhaps that of the proxy"),
    ],
)
async def test_settings_that_cannot_work_are_no_fault_of_an_endpoint(
    proxy: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.replace("{SECRET}", SECRET))
    async with RawServer(answer_all) as server, a_sender() as sender:
        with pytest.raises(ConfigurationError, match=f"the request cannot be made: .*{words}") as caught:
            await attempt(sender, server.url.replace("127.0.0.1", "gateway.example"))
        assert SECRET not in str(caught.value)
        assert caught.value.call == "models.list"
        assert server.connections == 0


async def test_the_proxy_of_the_environment_is_not_used_for_excepted_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with RawServer(answer_all) as server, a_sender() as sender:
        assert (await attempt(sender, server.url)).status == 200


# -- it may have arrived


async def hang_up(_: Visit) -> None:
    """Close at once."""


async def reset_at_once(visit: Visit) -> None:
    visit.reset()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def damaged_later(visit: Visit) -> None:
    """A good head and chunk, then one whose size is none, then nothing: aiohttp's C parser just stops there."""
    await visit.request()
    visit.send(CHUNKED + b"1\r\n{\r\n")
    await asyncio.sleep(0.02)
    visit.send(b"zz\r\n}\r\n")
    await visit.hang()


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        pytest.param(hang_up, FailureKind.RESET, id="accept and close"),
        pytest.param(reset_at_once, FailureKind.RESET, id="accept and reset"),
        pytest.param(saying(b""), FailureKind.RESET, id="read and close"),
        pytest.param(saying(b"", then="reset"), FailureKind.RESET, id="read and reset"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nContent-"), FailureKind.RESET, id="half a head"),
        pytest.param(saying(LONG + b"{"), FailureKind.BROKEN, id="short body"),
        pytest.param(saying(LONG + b"{", then="reset"), FailureKind.BROKEN, id="reset in the body"),
        pytest.param(saying(CHUNKED + b"5\r\n{"), FailureKind.BROKEN, id="half a chunk"),
        pytest.param(saying(CHUNKED + b"2\r\n{}\r\n"), FailureKind.BROKEN, id="no last chunk"),
        pytest.param(saying(CHUNKED + b"zz\r\n{}\r\n", then="hang"), FailureKind.MALFORMED, id="damaged chunk"),
        pytest.param(damaged_later, FailureKind.BROKEN, id="damaged chunk later"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"),
            FailureKind.BROKEN,
            id="not gzip",
        ),
        pytest.param(saying(b"SSH-2.0-OpenSSH\r\n\r\n", then="hang"), FailureKind.MALFORMED, id="another protocol"),
        pytest.param(saying(b"HTTP/1.1 banana\r\n\r\n", then="hang"), FailureKind.MALFORMED, id="no status"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", then="hang"),
            FailureKind.MALFORMED,
            id="huge header",
        ),
    ],
)
@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_every_way_to_break_is_told_apart_and_sent_once(
    behave: Behaviour, kind: FailureKind, request_: Request
) -> None:
    async with RawServer(behave) as server, a_sender() as sender:
        failed = await failure(sender, server.url, request_, limits=within(0.4))
        assert (failed.kind, failed.kind.delivery) == (kind, Delivery.MAYBE)
        assert server.connections == 1, "aiohttp must not send it a second time on its own"
        await sender.aclose()
        await server.all_left()


async def test_a_server_that_says_nothing() -> None:
    async with RawServer(saying(b"", then="hang")) as server, a_sender() as sender:
        failed = await failure(sender, server.url, POST, limits=within(0.1, ends="attempt"))
        assert (failed.kind, failed.limit) == (FailureKind.SILENT, "attempt")


@pytest.mark.parametrize("blocked", [0.0, 0.3])
async def test_a_limit_that_passed_while_our_own_loop_was_blocked_says_so(blocked: float) -> None:
    """Whoever judges endpoints must know: the answer may have been lying there unread."""
    async with black_hole() as hole, RawServer(saying(b"", then="hang")) as server, a_sender() as sender:
        asyncio.get_running_loop().call_later(0.05, time.sleep, blocked)
        failed = await failure(sender, server.url, limits=within(0.1))
        assert (failed.kind, failed.late) == (FailureKind.SILENT, blocked > 0)

        asyncio.get_running_loop().call_later(0.05, time.sleep, blocked)
        failed = await failure(sender, hole, limits=within(5.0, connect=0.1))
        assert (failed.kind, failed.late) == (FailureKind.CONNECT_TIMEOUT, blocked > 0)


async def test_a_server_that_sends_the_head_and_nothing_more() -> None:
    async with RawServer(saying(LONG, then="hang")) as server, a_sender() as sender:
        failed = await failure(sender, server.url, POST, limits=within(0.1))
        assert (failed.kind, failed.limit) == (FailureKind.BROKEN, "total")
        await server.all_left()


async def test_a_body_beyond_the_limit_is_not_read() -> None:
    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(LONG + b"x" * 100)

    async with RawServer(behave) as server, a_sender() as sender:
        failed = await failure(sender, server.url, limits=within(5.0, max_bytes=99))
        assert failed.kind is FailureKind.TOO_LARGE
        assert (await attempt(sender, server.url, limits=within(5.0, max_bytes=100))).body == b"x" * 100


# -- connections that are used again


async def test_a_connection_is_used_again() -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        for _ in range(5):
            await attempt(sender, server.url)
        assert (server.connections, len(server.requests)) == (1, 5)


async def test_a_connection_closed_while_it_was_idle_is_noticed_before_it_is_used() -> None:
    async def once(visit: Visit) -> None:
        await visit.request()
        visit.send(OK)

    async with RawServer(once) as server, a_sender() as sender:
        await attempt(sender, server.url)
        await asyncio.sleep(0.05)
        assert (await attempt(sender, server.url, POST)).status == 200
        assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("way", ["direct", "through the session"])
async def test_an_answer_that_nobody_asked_for_is_not_given_to_the_next_call(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_too_many(visit: Visit) -> None:
        while await visit.request():
            visit.send(OK)
            await asked.wait()
            visit.send(OK.replace(b"{}", b"[]"))

    asked = asyncio.Event()
    if way != "direct":
        monkeypatch.setattr(_session, "session_is_untouched", lambda: False)
    async with RawServer(one_too_many) as server, a_sender() as sender:
        assert (await attempt(sender, server.url)).body == b"{}"
        asked.set()
        await asyncio.sleep(0.05)
        asked.clear()
        assert (await attempt(sender, server.url, POST)).body == b"{}"
        assert (server.connections, len(server.requests)) == (2, 2)


async def second_request_breaks(visit: Visit) -> None:
    """The first request of a connection is answered, the second is read and the connection closed."""
    if await visit.request():
        visit.send(OK)
    if await visit.request():
        visit.reset()


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_reused_connection_that_breaks_is_stale_and_nothing_is_sent_twice(request_: Request) -> None:
    async with RawServer(second_request_breaks) as server, a_sender() as sender:
        await attempt(sender, server.url)
        failed = await failure(sender, server.url, request_)
        assert (failed.kind, failed.reused) == (FailureKind.STALE, True)
        assert len(server.requests) == 2


async def test_after_a_stale_connection_the_repeat_goes_over_a_fresh_one() -> None:
    """The other idle connections are as old: a repeat over one of them would break as well."""
    async with RawServer(second_request_breaks) as server, a_sender() as sender:
        await asyncio.gather(*(attempt(sender, server.url) for _ in range(3)))
        assert server.connections == 3
        assert (await failure(sender, server.url)).kind is FailureKind.STALE
        assert (await attempt(sender, server.url)).status == 200
        assert server.connections == 4


async def test_idle_connections_can_be_dropped() -> None:
    async with RawServer(answer_all) as server, RawServer(answer_all) as other, a_sender() as sender:
        await attempt(sender, server.url)
        await attempt(sender, other.url)
        sender.drop_idle(server.url)
        await server.all_left()
        assert other.open == 1
        sender.drop_idle()
        await other.all_left()


async def test_a_connection_is_not_used_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """One under steady load would never look the name up again, and would stay with a host that has moved."""
    async with RawServer(answer_all) as server, a_sender() as sender:
        monkeypatch.setattr(_connector, "MOST_AGE", 0.05)
        await attempt(sender, server.url)
        await attempt(sender, server.url)
        assert server.connections == 1
        await asyncio.sleep(0.06)
        await attempt(sender, server.url)
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_connection_in_use_while_others_were_dropped_is_not_used_again() -> None:
    answer = asyncio.Event()

    async def later(visit: Visit) -> None:
        while await visit.request():
            await answer.wait()
            visit.send(OK)

    async with RawServer(later) as server, a_sender() as sender:
        calls = [asyncio.create_task(attempt(sender, server.url)) for _ in range(2)]
        while len(server.requests) < 2:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.005)
        sender.drop_idle(server.url)  # one was found dead: those that are as old may be so too
        answer.set()
        await asyncio.gather(*calls)
        await attempt(sender, server.url)
        await attempt(sender, server.url)
        assert (server.connections, len(server.requests)) == (3, 4)


async def test_a_bare_connection_is_made_and_used_later() -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        await sender.connect_only(server.url, within(1.0))
        assert server.requests == []
        await attempt(sender, server.url)
        assert server.connections == 1


async def test_a_bare_connection_that_fails_says_why() -> None:
    async with a_sender() as sender:
        with pytest.raises(AttemptFailed) as caught:
            await sender.connect_only(f"http://127.0.0.1:{free_port()}", within(1.0))
        assert caught.value.kind is FailureKind.REFUSED
    async with black_hole() as url, a_sender() as sender:
        with pytest.raises(AttemptFailed) as caught:
            await sender.connect_only(url, within(0.05))
        assert caught.value.kind is FailureKind.CONNECT_TIMEOUT


async def test_sockets_ask_for_signs_of_life() -> None:
    async with RawServer(answer_all) as server:
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))
        with _connector._socket(address) as made:
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


async def test_an_endpoint_that_does_not_answer_keeps_no_other_one_waiting() -> None:
    async with black_hole() as url, RawServer(answer_all) as server, a_sender() as sender:
        waiting = [asyncio.create_task(attempt(sender, url)) for _ in range(_connector.CONNECTING + 10)]
        await asyncio.sleep(0.05)
        assert (await attempt(sender, server.url, limits=within(1.0))).status == 200
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


# -- free connections


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - conditions are about sockets
            await asyncio.sleep(0.002)


async def test_waiting_for_a_free_connection_is_told_apart_from_a_slow_network() -> None:
    async with RawServer(saying(b"", then="hang")) as server, a_sender(max_connections=1) as sender:
        holder = asyncio.create_task(attempt(sender, server.url))
        await wait_for(lambda: len(server.requests) == 1)
        failed = await failure(sender, server.url, POST, limits=within(5.0, pool=0.05))
        assert (failed.kind, failed.limit) == (FailureKind.POOL, "pool")
        failed = await failure(sender, server.url, POST, limits=within(0.05))
        assert (failed.kind, failed.limit) == (FailureKind.POOL, "total")
        failed = await failure(sender, server.url, POST, limits=within(0.2, connect=0.01))
        assert failed.kind is FailureKind.POOL, "the limit for connecting does not run while waiting"
        assert server.connections == 1
        holder.cancel()
        await asyncio.wait([holder])


async def test_free_connections_go_to_whoever_has_waited_longest() -> None:
    turns: list[int] = []
    async with RawServer(answer_all) as server, a_sender(max_connections=1) as sender:

        async def one(number: int) -> None:
            await attempt(sender, server.url)
            turns.append(number)

        await asyncio.gather(*(one(number) for number in range(20)))
        assert turns == list(range(20))
        assert server.connections == 1


@pytest.mark.parametrize("seed", range(5))
async def test_cancelling_at_any_moment_gives_everything_back(seed: int) -> None:
    """After a storm of cancelled calls, as many as ever can be made at once."""
    rng = random.Random(seed)

    async def slowly(visit: Visit) -> None:
        while await visit.request():
            await asyncio.sleep(rng.uniform(0, 0.004))
            visit.send(OK[:40])
            await asyncio.sleep(rng.uniform(0, 0.004))
            visit.send(OK[40:])

    async with RawServer(slowly) as server, a_sender(max_connections=4) as sender:
        tasks = [asyncio.create_task(attempt(sender, server.url)) for _ in range(60)]
        for task in rng.sample(tasks, 45):
            await asyncio.sleep(rng.uniform(0, 0.002))
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(o, asyncio.CancelledError) or o.status == 200 for o in outcomes), outcomes
        async with asyncio.timeout(2):
            held = [await sender.open(server.url, GET, authorization=None, limits=within(2.0)) for _ in range(4)]
        failed = await failure(sender, server.url, limits=within(1.0, pool=0.01))
        assert failed.kind is FailureKind.POOL
        for answer in held:
            answer.abort()


async def test_cancellation_passes_untouched() -> None:
    async with RawServer(saying(b"", then="hang")) as server, a_sender() as sender:
        task = asyncio.create_task(attempt(sender, server.url))
        await wait_for(lambda: len(server.requests) == 1)
        task.cancel("on purpose")
        with pytest.raises(asyncio.CancelledError, match="on purpose"):
            await task
        await server.all_left()


async def test_a_timeout_of_the_caller_passes_untouched() -> None:
    async with RawServer(saying(b"", then="hang")) as server, a_sender() as sender:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await attempt(sender, server.url)
        assert type(caught.value) is TimeoutError


# -- open answers


async def test_an_open_answer_gives_bytes_as_they_come_and_its_connection_back() -> None:
    go = asyncio.Event()

    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(CHUNKED + b"3\r\nabc\r\n")
            await go.wait()
            visit.send(b"2\r\nde\r\n0\r\n\r\n")

    async with RawServer(behave) as server, a_sender(max_connections=1) as sender:
        answer = await sender.open(server.url, GET, authorization=None, limits=within(5.0))
        assert (answer.status, answer.base_url, answer.url) == (200, server.url, f"{server.url}/v1/models")
        assert await answer.read() == b"abc"
        go.set()
        assert [await answer.read(), await answer.read()] == [b"de", b""]
        await answer.aclose()
        await answer.aclose()
        assert (await attempt(sender, server.url)).body == b"abcde"
        assert server.connections == 1


@pytest.mark.parametrize("leave", ["aclose", "abort"])
async def test_an_open_answer_that_is_left_early_closes_its_connection_and_frees_the_place(leave: str) -> None:
    async with (
        RawServer(saying(CHUNKED + b"3\r\nabc\r\n", then="hang")) as server,
        a_sender(max_connections=1) as sender,
    ):
        for _ in range(3):
            answer = await sender.open(server.url, GET, authorization=None, limits=within(5.0))
            await answer.aclose() if leave == "aclose" else answer.abort()
            answer.abort()
        await server.all_left()
        assert server.connections == 3


async def test_what_arrived_before_the_break_comes_before_the_break() -> None:
    async with RawServer(saying(CHUNKED + b"3\r\nabc\r\n", then="close")) as server, a_sender() as sender:
        answer = await sender.open(server.url, GET, authorization=None, limits=within(5.0))
        await asyncio.sleep(0.05)
        assert await answer.read() == b"abc"
        for _ in range(2):
            with pytest.raises(AttemptFailed) as caught:
                await answer.read()
            assert caught.value.kind is FailureKind.BROKEN
        await answer.aclose()


# -- sessions


async def test_a_closed_sender_refuses_and_closing_twice_is_fine() -> None:
    async with RawServer(answer_all) as server:
        sender = HTTPSender(Connections())
        await attempt(sender, server.url)
        await sender.aclose()
        await sender.aclose()
        await server.all_left()
        with pytest.raises(ClientClosedError):
            await attempt(sender, server.url)


@pytest.mark.parametrize("session", ["ours", "the caller's"])
async def test_closing_wakes_whoever_reads_a_body(session: str) -> None:
    async def behave(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwhole")
        await visit.hang()

    async with RawServer(behave) as server, aiohttp.ClientSession() as foreign:
        sender = HTTPSender(Connections(session=foreign if session == "the caller's" else None))
        answer = await sender.open(server.url, GET, authorization=None, limits=within(5.0))
        assert await answer.read() == b"whole"
        read, sent = asyncio.create_task(answer.read()), asyncio.create_task(attempt(sender, server.url))
        while len(server.requests) < 2:  # noqa: ASYNC110 - the other side of a socket
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await sender.aclose()
        async with asyncio.timeout(1):
            for _ in range(2):
                with pytest.raises(ClientClosedError):
                    await answer.read()
            with pytest.raises(ClientClosedError):
                await read
            with pytest.raises(AttemptFailed, match="the connection was closed"):
                await sent
            await server.all_left()


async def test_a_head_that_is_there_in_the_moment_of_closing_comes_too_late() -> None:
    """Its body would have nobody to wake who waits for it: here the session is the caller's, and stays open."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await closed.wait()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        await visit.hang()

    closed = asyncio.Event()
    async with RawServer(behave) as server, aiohttp.ClientSession() as session:
        sender = HTTPSender(Connections(session=session))
        sent = asyncio.create_task(attempt(sender, server.url))
        while not server.requests:  # noqa: ASYNC110 - the other side of a socket
            await asyncio.sleep(0.01)
        await sender.aclose()
        closed.set()
        async with asyncio.timeout(1):
            with pytest.raises(ClientClosedError):
                await sent
            await server.all_left()


async def test_closing_that_is_cancelled_still_closes() -> None:
    async with RawServer(answer_all) as server:
        sender = HTTPSender(Connections())
        await attempt(sender, server.url)
        task = asyncio.create_task(sender.aclose())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await server.all_left()


async def test_a_session_of_the_callers_own_is_used_and_never_closed() -> None:
    async with RawServer(answer_all) as server, aiohttp.ClientSession(headers={"X-Mine": "1"}) as session:
        async with a_sender(session=session) as sender:
            await attempt(sender, server.url)
        assert not session.closed
        assert b"X-Mine: 1" in server.requests[0]


async def test_a_session_of_the_callers_own_does_not_raise_for_a_status_or_follow_redirects_or_send_twice() -> None:
    async def behave(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 307 x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await visit.request()

    async with (
        RawServer(behave) as server,
        aiohttp.ClientSession(raise_for_status=True) as session,
        a_sender(session=session) as sender,
    ):
        assert (await attempt(sender, server.url)).status == 307
        failed = await failure(sender, server.url)
        assert failed.kind is FailureKind.RESET, "whether it was reused is not known for a foreign connector"
    async with (
        RawServer(saying(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n")) as server,
        aiohttp.ClientSession(raise_for_status=True) as session,
        a_sender(session=session) as sender,
    ):
        assert (await attempt(sender, server.url)).status == 404


async def test_a_session_of_the_callers_own_keeps_its_middlewares() -> None:
    seen = []

    async def listen(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        seen.append(request.url.path)
        request.headers["X-Signed"] = "yes"
        return await handler(request)

    async with (
        RawServer(answer_all) as server,
        aiohttp.ClientSession(middlewares=[listen]) as session,
        a_sender(session=session) as sender,
    ):
        await attempt(sender, server.url)
        assert seen == ["/v1/models"]
        assert b"X-Signed: yes" in server.requests[0]


async def test_a_middleware_of_the_caller_that_fails_is_no_fault_of_an_endpoint() -> None:
    async def fail(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        raise LookupError("no signature today")

    async with (
        RawServer(answer_all) as server,
        aiohttp.ClientSession(middlewares=[fail]) as session,
        a_sender(session=session) as sender,
    ):
        with pytest.raises(ConfigurationError, match="the request cannot be made: no signature today"):
            await attempt(sender, server.url)
        assert server.connections == 0


@pytest.mark.parametrize("credential", [{"headers": {"authorization": "Bearer x"}}, {"auth": ("me", "pw")}])
async def test_a_session_that_brings_a_credential_is_refused(credential: dict[str, Any]) -> None:
    """It would go along with health checks and login."""
    async with aiohttp.ClientSession() as session:
        session.headers.update(credential.get("headers", {}))
        session._default_auth = credential.get("auth")  # its argument is deprecated
        with pytest.raises(ConfigurationError, match="leave it out"):
            Connections(session=session)


async def test_a_closed_session_of_the_callers_own_is_said_to_be_closed() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with a_sender(session=session) as sender:
        with pytest.raises(ClientClosedError, match="the aiohttp session is closed"):
            await attempt(sender, "http://127.0.0.1:1")


async def test_many_at_once_make_no_error() -> None:
    async with RawServer(answer_all) as server, a_sender(max_connections=100) as sender:
        responses = await asyncio.gather(*(attempt(sender, server.url) for _ in range(500)))
        assert {response.status for response in responses} == {200}
        assert server.connections <= 100
