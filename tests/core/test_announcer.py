"""Changes of endpoints are told to log and hooks, each once, in order, whoever noticed them."""

from __future__ import annotations

import asyncio
import logging

import pytest

from nexevo_async._announcer import Announcer
from nexevo_async._sansio.endpoint_pool import Report
from nexevo_async.hooks import EndpointChange, Hooks
from tests.core.scripted import A, B, a_pool


class Listener(Hooks):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_endpoint_change(self, change: EndpointChange) -> None:
        self.heard.append(f"{change.url[8]} {change.after.value if change.after else 'gone'}")


class SlowListener(Listener):
    async def on_endpoint_change(self, change: EndpointChange) -> None:  # type: ignore[override]  # either is allowed
        await asyncio.sleep(0)
        super().on_endpoint_change(change)


def told() -> list[str]:
    return ["a unknown", "b unknown"]


async def test_every_change_is_told_once_to_every_hook_and_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nexevo")
    pool, plain, slow = a_pool((A, B), now=0.0), Listener(), SlowListener()
    out: list[str] = []
    announcer = Announcer(pool, (plain, slow), ejected=out.append)
    assert announcer.has_news()

    await asyncio.gather(*(announcer.tell() for _ in range(5)))
    assert not announcer.has_news()
    pool.report(pool.begin_probe(A, now=1.0), Report.HARD, now=1.0, detail="refused sk-secret1234")  # type: ignore[arg-type]
    assert announcer.has_news()
    await announcer.tell()
    await announcer.tell()

    assert plain.heard == slow.heard == [*told(), "a ejected"]
    assert out == [A]
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING"]
    assert caplog.messages[-1] == f"endpoint {A}: unknown -> ejected (connect: refused [hidden])"


async def test_what_a_hook_that_raises_leaves_untold_is_told_the_next_time() -> None:
    class Unlucky(Hooks):
        def on_endpoint_change(self, change: EndpointChange) -> None:
            if change.url == A:
                raise RuntimeError("not today")

    listener = Listener()
    announcer = Announcer(a_pool((A, B), now=0.0), (Unlucky(), listener), ejected=print)
    with pytest.raises(RuntimeError, match="not today"):
        await announcer.tell()

    assert announcer.has_news()
    await announcer.tell()
    assert listener.heard == ["b unknown"]
    assert not announcer.has_news()
