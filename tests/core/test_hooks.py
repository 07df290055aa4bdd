"""Hooks see every attempt, may add headers to it, and are part of the call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, Hooks, RetryPolicy
from nexevo_async._messages import Attempt
from nexevo_async.errors import ConfigurationError, InternalServerError
from nexevo_async.hooks import AttemptStart, EndpointChange, own_methods
from tests.core.raw_server import OK, RawServer, Visit, free_port

KEY = "sk-xc-SECRETSECRETSECRET"
BUSY = b"HTTP/1.1 503 x\r\nX-Trace-ID: t-1\r\nContent-Length: 0\r\n\r\n"


async def busy_once(visit: Visit) -> None:
    while request := await visit.request():
        first = sum(b"/healthy" not in seen for seen in visit.server.requests) == 1
        visit.send(BUSY if first and b"/healthy" not in request else OK)


class Recorder(Hooks):
    """Writes down what it sees."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.changes: list[EndpointChange] = []

    def before_attempt(self, attempt: AttemptStart) -> None:
        self.seen.append((attempt.number, attempt.call, attempt.method, attempt.path, dict(attempt.headers)))
        attempt.headers["X-Number"] = str(attempt.number)

    def after_attempt(self, call: str, attempt: Attempt) -> None:
        self.seen.append((call, attempt.status, attempt.problem, attempt.trace_id))

    def on_endpoint_change(self, change: EndpointChange) -> None:
        self.changes.append(change)


class Later(Recorder):
    """The same with coroutines."""

    async def before_attempt(self, attempt: AttemptStart) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().before_attempt(attempt)

    async def after_attempt(self, call: str, attempt: Attempt) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().after_attempt(call, attempt)


@pytest.mark.parametrize("kind", [Recorder, Later])
async def test_hooks_see_every_attempt_and_their_headers_go_along(kind: type[Recorder]) -> None:
    hook = kind()
    policy = RetryPolicy(throttle_base=0.0)
    async with (
        RawServer(busy_once) as server,
        AsyncNexevo(KEY, base_url=server.url, hooks=hook, retry=policy) as client,
    ):
        await client.request("GET", "/v1/x")
        asked = [request for request in server.requests if b"/healthy" not in request]
        assert hook.seen == [
            (1, "request", "GET", "/v1/x", {}),
            ("request", 503, "gateway failed", "t-1"),
            (2, "request", "GET", "/v1/x", {}),
            ("request", 200, "", None),
        ]
        assert [b"X-Number: 1" in asked[0], b"X-Number: 2" in asked[1]] == [True, True]
        assert "SECRET" not in repr(hook.seen)


def test_only_methods_that_somebody_has_written_are_called() -> None:
    plain, recorder, assigned = Hooks(), Recorder(), Hooks()
    assigned.after_attempt = recorder.after_attempt  # type: ignore[method-assign]
    inherited = type("Heir", (Recorder,), {})()
    hooks = (plain, recorder, assigned, inherited)
    assert own_methods(hooks, "before_attempt") == (recorder.before_attempt, inherited.before_attempt)
    after = (recorder.after_attempt, recorder.after_attempt, inherited.after_attempt)
    assert own_methods(hooks, "after_attempt") == after


async def test_several_hooks_run_in_order_and_see_each_others_headers() -> None:
    first, second = Recorder(), Recorder()
    async with (
        RawServer(busy_once) as server,
        AsyncNexevo(KEY, base_url=server.url, hooks=[first, second], max_retries=0) as client,
    ):
        with pytest.raises(InternalServerError):
            await client.request("GET", "/v1/x")
    assert first.seen[0][-1] == {}
    assert second.seen[0][-1] == {"X-Number": "1"}


async def test_a_connection_that_fails_is_an_attempt_too_and_changes_of_endpoints_are_told_once() -> None:
    hook = Recorder()
    bad = f"http://127.0.0.1:{free_port()}"
    async with (
        RawServer(busy_once) as server,
        AsyncNexevo(KEY, base_urls=[bad, server.url], hooks=hook, max_retries=3) as client,
    ):
        await client.request("GET", "/v1/x")
        await asyncio.gather(*(client.request("GET", "/v1/x") for _ in range(5)))
    assert ("request", None, "connection refused", None) in hook.seen
    assert [change.after.value for change in hook.changes if change.url == bad and change.after][-1] == "ejected"
    told = [(change.url, change.before, change.after, change.at) for change in hook.changes]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("moment", ["before_attempt", "after_attempt"])
async def test_a_hook_that_raises_ends_the_call_with_its_own_exception(moment: str) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError("not today")

    hook = type("Policy", (Hooks,), {moment: staticmethod(refuse)})()
    async with (
        RawServer(busy_once) as server,
        AsyncNexevo(KEY, base_url=server.url, hooks=hook, max_connections=1) as client,
    ):
        for _ in range(3):
            with pytest.raises(PermissionError, match="not today"):
                await client.request("GET", "/v1/x")


async def test_a_header_of_a_hook_that_cannot_be_sent_is_refused() -> None:
    class Bad(Hooks):
        def before_attempt(self, attempt: AttemptStart) -> None:
            attempt.headers["X"] = "a\r\nY: b"

    async with RawServer(busy_once) as server, AsyncNexevo(KEY, base_url=server.url, hooks=Bad()) as client:
        with pytest.raises(ConfigurationError, match="headers of the hook"):
            await client.request("GET", "/v1/x")
        assert not [request for request in server.requests if b"/v1/x" in request]


async def test_the_idempotency_key_is_the_same_on_every_attempt() -> None:
    keys: list[str | None] = []

    class Keys(Hooks):
        def before_attempt(self, attempt: AttemptStart) -> None:
            keys.append(attempt.idempotency_key)

    policy = RetryPolicy(throttle_base=0.0)
    async with (
        RawServer(busy_once) as server,
        AsyncNexevo(KEY, base_url=server.url, hooks=Keys(), retry=policy) as client,
    ):
        await client.request("PATCH", "/v1/x", json={})
    assert len(keys) == 2
    assert keys[0] == keys[1] is not None


@pytest.mark.parametrize("hooks", [5, "text", object(), [Recorder(), 5], Recorder])
def test_what_is_no_hook_is_refused(hooks: Any) -> None:
    with pytest.raises(ConfigurationError, match="hooks"):
        AsyncNexevo(KEY, base_url="http://127.0.0.1:1", hooks=hooks)
