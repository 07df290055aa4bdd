"""What every test lives by: nothing may be left behind, and no test reads the machine's own settings."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
import pytest_asyncio

# aioresponses 0.7.9 cannot build a response with aiohttp 3.14, whose ClientResponse wants `stream_writer`
# (pnuckowski/aioresponses#289). Delete this as soon as a release of aioresponses passes it.
if "stream_writer" in inspect.signature(aiohttp.ClientResponse).parameters:

    class _Response(aiohttp.ClientResponse):
        def __init__(self, *args: object, **kwargs: object) -> None:
            kwargs.setdefault("stream_writer", Mock(output_size=0))
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    aioresponses.core.ClientResponse = _Response


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, base URLs, proxies and the cache folder of the machine do not reach a test."""
    monkeypatch.setenv("NEXEVO_CACHE_DIR", "")
    # The keys of clients that other tests made would be hidden too, with whatever stands in them.
    monkeypatch.setattr("nexevo_async._redaction._remembered", deque(maxlen=64))
    for name in ("API_KEY", "BASE_URL", "BASE_URLS", "DISCOVERY_URL", "LOG", "TIMEOUT", "MAX_RETRIES"):
        monkeypatch.delenv(f"NEXEVO_{name}", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """A test that leaves a thread behind fails (threads of the standard executors are pooled and may stay)."""
    before = set(threading.enumerate())
    yield
    limit = time.monotonic() + 2
    while time.monotonic() < limit:
        left = [
            thread
            for thread in threading.enumerate()
            if thread not in before
            and thread.is_alive()
            and not thread.name.startswith(("asyncio_", "ThreadPoolExecutor", "AnyIO"))
        ]
        if not left:
            return
        time.sleep(0.01)
    pytest.fail(f"threads left behind: {left}")


@pytest_asyncio.fixture(autouse=True)
async def _no_task_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """An asynchronous test that leaves a task behind fails."""
    before = asyncio.all_tasks()
    yield
    for _ in range(200):
        left = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()]
        if not left:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"tasks left behind: {left}")
