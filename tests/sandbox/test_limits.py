"""The rate limit: the rule with a clock that is a number, and the headers over HTTP."""

from __future__ import annotations

import aiohttp
import pytest

from nexevo_async.sandbox import Sandbox
from nexevo_async.sandbox.limits import RateLimiter, Verdict


def test_the_limit_and_no_more_pass_in_one_window() -> None:
    limiter = RateLimiter(2)
    assert [limiter.take("k", now).allowed for now in (0, 1, 2, 59.9)] == [True, True, False, False]


def test_a_new_window_begins_sixty_seconds_after_the_first_request() -> None:
    limiter = RateLimiter(1)
    assert limiter.take("k", 100) == Verdict(allowed=True, remaining=0, reset=60)
    assert limiter.take("k", 159.5) == Verdict(allowed=False, remaining=0, reset=1)
    assert limiter.take("k", 160) == Verdict(allowed=True, remaining=0, reset=60)


def test_keys_have_windows_of_their_own() -> None:
    limiter = RateLimiter(1)
    assert [limiter.take(key, 0).allowed for key in ("a", "b", "a")] == [True, True, False]


def test_remaining_counts_down_and_reset_is_whole_seconds_to_go() -> None:
    limiter = RateLimiter(3)
    found = [limiter.take("k", now) for now in (0, 0.5, 30)]
    assert [(verdict.remaining, verdict.reset) for verdict in found] == [(2, 60), (1, 60), (0, 30)]


async def test_headers_count_down_and_the_refusal_says_when_to_come_back() -> None:
    """Refused is 429 `rate_limit_exceeded` with Retry-After; health is free, and discovery has its own window."""
    async with Sandbox(rate_limit=2) as box:
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            seen = []
            for _ in range(3):
                async with http.get(f"{box.base_url}/v1/models") as answer:
                    seen.append((answer.status, answer.headers["X-RateLimit-Remaining"]))
                    error = await answer.json()
            assert seen == [(200, "1"), (200, "0"), (429, "0")]
            assert 1 <= int(answer.headers["X-RateLimit-Reset"]) <= 60
            assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Reset"]
            assert error["error"]["code"] == "rate_limit_exceeded"
            async with http.get(f"{box.base_url}/api/v1/healthy") as answer:
                assert answer.status == 200
            async with http.get(f"{box.discovery_url}/api/v1/links") as answer:
                assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, "1")


async def test_the_default_is_sixty_a_minute() -> None:
    async with Sandbox() as box:
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{box.base_url}/v1/models") as answer:
            assert answer.headers["X-RateLimit-Remaining"] == "59"


async def test_the_window_is_shared_by_all_bases() -> None:
    async with Sandbox(bases=2, rate_limit=1) as box:
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            statuses = []
            for url in box.base_urls:
                async with http.get(f"{url}/v1/models") as answer:
                    statuses.append(answer.status)
    assert statuses == [200, 429]


async def test_without_a_limit_there_are_no_headers() -> None:
    async with Sandbox(rate_limit=None) as box:
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{box.base_url}/v1/models") as answer:
            assert [name for name in answer.headers if name.startswith("X-RateLimit")] == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/keys"])
async def test_refusals_carry_the_headers_too(path: str) -> None:
    """A 400 counts, and says how many requests are left."""
    async with Sandbox(rate_limit=5) as box:
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{box.base_url}{path}", json={}) as answer,
        ):
            assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (400, "4")
