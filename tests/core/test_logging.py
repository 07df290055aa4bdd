"""The log: one event for each attempt, under one name, switched by one variable, and never a secret in it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nexevo_async import AsyncNexevo, RetryPolicy
from nexevo_async._logging import configure_from_environment, logger
from nexevo_async.errors import ConfigurationError, NexevoError
from tests.core.raw_server import OK, RawServer, Visit, free_port

SECRET = "SECRETSECRETSECRET"
KEY = f"sk-xc-{SECRET}"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


def test_a_program_that_says_nothing_hears_nothing() -> None:
    script = (
        "from nexevo_async import AsyncNexevo; import logging;"
        "AsyncNexevo('sk-xc-1'); logging.getLogger('nexevo').warning('x')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("word", "level"),
    [("debug", logging.DEBUG), ("INFO", logging.INFO), (" warning ", logging.WARNING), ("error", logging.ERROR)],
)
def test_the_variable_sets_the_level_and_prints_to_standard_error_once(word: str, level: int) -> None:
    configure_from_environment({"NEXEVO_LOG": word})
    configure_from_environment({"NEXEVO_LOG": word})
    assert logger.level == level
    assert [type(handler) for handler in logger.handlers].count(logging.StreamHandler) == 1


@pytest.mark.parametrize("environment", [{}, {"NEXEVO_LOG": ""}, {"NEXEVO_LOG": "  "}])
def test_without_the_variable_nothing_changes(environment: dict[str, str]) -> None:
    before = (logger.level, list(logger.handlers))
    configure_from_environment(environment)
    assert (logger.level, list(logger.handlers)) == before


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXEVO_LOG", "loud")
    with pytest.raises(ConfigurationError, match="NEXEVO_LOG must be one of debug, info, warning, error; got 'loud'"):
        AsyncNexevo(KEY)


@pytest.mark.parametrize(("level", "told"), [(logging.DEBUG, 3), (logging.INFO, 3), (logging.WARNING, 2)])
async def test_every_attempt_is_told_in_one_line(caplog: pytest.LogCaptureFixture, level: int, told: int) -> None:
    """On the level of warnings those that failed."""

    async def behave(visit: Visit) -> None:
        while request := await visit.request():
            busy = sum(b"/v1/x" in seen for seen in visit.server.requests) == 1 and b"/v1/x" in request
            visit.send(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" if busy else OK)

    bad = f"http://127.0.0.1:{free_port()}"
    policy = RetryPolicy(throttle_base=0.0, max_attempts=4)
    with caplog.at_level(level, "nexevo"):
        async with (
            RawServer(behave) as server,
            AsyncNexevo(KEY, base_urls=[bad, server.url], retry=policy) as client,
        ):
            await client.request("GET", "/v1/x")
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("request at")]
    assert [re.sub(r"[0-9.]+ s", "? s", line) for line in lines] == [
        f"request at {bad}: connection refused, ? s",
        f"request at {server.url}: gateway failed, ? s",
        f"request at {server.url}: 200, ? s, trace none",
    ][:told]


async def test_no_secret_is_logged_or_raised_wherever_it_was_planted(caplog: pytest.LogCaptureFixture) -> None:
    """Key, headers, query, body, proxy; and a service that throws everything back in our face."""
    echo = f'{{"error": {{"message": "bad {KEY} and Bearer {SECRET}", "code": "c-{KEY}", "type": "{KEY}"}}}}'.encode()
    head = f"Set-Cookie: a={KEY}\r\nX-Echo: {KEY}\r\nX-Trace-ID: t {KEY}\r\nLocation: /{KEY}\r\n"
    statuses = iter([401, 307, 400, 500, 503, 200, 429] * 20)

    async def behave(visit: Visit) -> None:
        while await visit.request():
            status = next(statuses)
            lines = f"HTTP/1.1 {status} {KEY}\r\n{head}Content-Length: {len(echo)}\r\n\r\n"
            visit.send(lines.encode() + echo)

    said: list[str] = []
    with caplog.at_level(logging.DEBUG, "nexevo"):
        async with RawServer(behave) as proxy:
            client = AsyncNexevo(
                KEY,
                base_url="http://gateway.example",
                proxy=proxy.url.replace("://", f"://user:{SECRET}@"),
                headers={"X-Team": SECRET},
                retry=RetryPolicy(throttle_base=0.0),
                timeout=2.0,
            )
            async with client:
                said.append(repr(client))
                for work in (
                    lambda: client.auth.login(email="a@example.com", password=SECRET),
                    lambda: client.sub_accounts.list(sk=KEY),
                    lambda: client.keys.update_alert_webhook("k", url=f"https://example.com/{SECRET}"),
                    lambda: client.auth.me(extra_headers={"X-More": SECRET}, extra_query={"x": SECRET}),
                    lambda: client.request("POST", "/v1/x", json={"password": SECRET}),
                ):
                    for _ in range(4):
                        try:
                            answer = await work()
                            if not isinstance(answer, dict):  # the caller's own, as it arrived
                                said.append(repr(answer))
                        except NexevoError as error:
                            said += [str(error), repr(error), repr(error.attempts), str(error.__cause__)]
                            said.append(repr(getattr(error, "headers", None)))
                said.append(repr(client.endpoints.snapshot()))
    assert len(said) > 30
    assert [text for text in said if SECRET in text] == []
    assert [record.getMessage() for record in caplog.records if SECRET in record.getMessage()] == []
    assert all("\n" not in record.getMessage() for record in caplog.records)
