"""A call driven by a script instead of a network: every attempt ends as told, and the clock is a number."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response, Safety
from nexevo_async._sansio.actions import Fail, Send, Shared, Wait
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.call import Call
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick, Report
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async._sansio.rate_limit import TokenBucket
from nexevo_async.errors import NexevoError
from nexevo_async.models.endpoints import Endpoint

A, B, C = (f"https://{name}.example" for name in "abc")
START = 1000.0
WALL = 1_700_000_000.0

#: How an attempt ends: a kind of failure, a status, or an answer with headers and body.
End = FailureKind | AttemptFailed | int | Response


def answer(status: int, *, code: str | None = None, body: bytes | None = None, **headers: str) -> Response:
    """An answer; `code` makes an error body."""
    if body is None:
        body = b"{}" if code is None else json.dumps({"error": {"message": "No.", "code": code}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, Headers.of(named), body, f"{A}/v1/x")


QUOTA = answer(429, code="tenant_monthly_quota_exceeded")
HTML = answer(200, body=b"<html></html>")
CUT = answer(200, body=b'{"key_id": "k-1", "secr')
TEXT = answer(200, body=b"healthy")
NOTHING = answer(200, body=b"")


@attrs.define
class Sent:
    """One attempt that was made."""

    url: str
    at: float
    end: End


class RecordingPool(EndpointPool):
    """A pool that remembers every pick, so that a test can see which were not given back."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.taken: list[Pick] = []

    def pick(self, **wanted: Any) -> Pick | None:
        pick = super().pick(**wanted)
        if pick is not None:
            self.taken.append(pick)
        return pick


class World:
    """
    What calls share, and a clock.

    Args:
        urls: The endpoints, the first preferred.
        policy: The numbers of repeating.
        rate_limit: Calls a minute, or None.
        took: Seconds that every attempt takes.
    """

    def __init__(
        self,
        urls: Sequence[str] = (A, B, C),
        *,
        policy: RetryPolicy | None = None,
        health: HealthPolicy | None = None,
        rate_limit: float | None = None,
        took: float = 0.01,
        seed: int = 1,
    ) -> None:
        self.now = START
        self.policy = policy or RetryPolicy()
        self.took = took
        rng = random.Random(seed)
        endpoints = [Endpoint(url, len(urls) - index) for index, url in enumerate(urls)]
        self.pool = RecordingPool(endpoints, policy=health or HealthPolicy(), rng=rng, now=self.now)
        policy = self.policy
        self.shared = Shared(
            pool=self.pool,
            budget=Budget(
                ratio=policy.retry_budget_ratio,
                per_second=policy.retry_budget_per_second,
                cap=policy.retry_budget_cap,
                now=self.now,
            ),
            resends=Budget(ratio=policy.bounded_ratio, cap=policy.bounded_reserve, now=self.now),
            bucket=None if rate_limit is None else TokenBucket(rate_limit, now=self.now),
            panic_wait=HealthPolicy().panic_wait,
            random=rng,
        )

    def call(
        self, safety: Safety = Safety.SAFE, *, total: float | None = 600.0, attempt_limit: float | None = 30.0
    ) -> Call:
        """A call that begins now."""
        request = Request(
            name="keys.create" if safety is Safety.UNSAFE else f"{safety.value}.call",
            method="POST",
            path="/v1/x",
            safety=safety,
            look_at="keys.list" if safety is Safety.UNSAFE else None,
            idempotency_key="key-1",
        )
        return Call(request, self.shared, self.policy, now=self.now, total=total, attempt_limit=attempt_limit)

    def run(self, call: Call, ends: Iterable[End] | Mapping[str, End], *, took: float | None = None) -> Story:
        """Drive a call to its end; after the script, every further attempt is answered with 200."""
        script = iter(()) if isinstance(ends, Mapping) else iter(ends)
        story = Story(call)
        for _ in range(10_000):
            action = call.next_action(self.now)
            if isinstance(action, Wait):
                assert action.seconds > 0
                if call.deadline is not None:
                    assert self.now + action.seconds <= call.deadline, "a wait crosses the deadline"
                story.waits.append(action.seconds)
                self.now += action.seconds
            elif isinstance(action, Send):
                url = action.pick.endpoint.url
                end = ends.get(url, 200) if isinstance(ends, Mapping) else next(script, 200)
                story.sent.append(Sent(url, self.now, end))
                self.now += self.took if took is None else took
                story.succeeded = self.finish(call, end)
                if story.succeeded:
                    return story
            else:
                story.outcome = action
                return story
        raise AssertionError("the call does not end")

    def finish(self, call: Call, end: End) -> bool:
        """Report how the present attempt ended; True if its answer was accepted."""
        if isinstance(end, int):
            end = answer(end)
        if isinstance(end, FailureKind):
            end = AttemptFailed(end)
        if isinstance(end, AttemptFailed):
            call.broke(end, self.now)
            return False
        return call.answered(end, self.now, wall=WALL)

    def nothing_open(self) -> bool:
        """Whether every pick was given back."""
        return not any(pick.open for pick in self.pool.taken)

    def tell(self, url: str, report: Report) -> None:
        """Something else was learned about an endpoint."""
        pick = self.pool.pick(now=self.now, safety=Safety.SAFE, only=url)
        assert pick is not None
        self.pool.report(pick, report, now=self.now)


class Story:
    """What a call did."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.sent: list[Sent] = []
        self.waits: list[float] = []
        self.outcome: Fail | None = None
        self.succeeded = False

    @property
    def bases(self) -> str:
        """The letters of the endpoints that were tried, in order."""
        return "".join(sent.url[8] for sent in self.sent)

    @property
    def error(self) -> NexevoError:
        """What it raises."""
        assert isinstance(self.outcome, Fail)
        return self.outcome.error
