"""
The pytest plugin: fixtures `nexevo_sandbox`, `nexevo_client` and `nexevo_sync_client`.

Loaded into every pytest run of an environment that has the package, so it imports nothing of weight until a fixture is
used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nexevo_async.client import AsyncNexevo
    from nexevo_async.sandbox import Sandbox
    from nexevo_sync.client import Nexevo

try:
    import pytest_asyncio

    _async_fixture: Callable[[Any], Any] = pytest_asyncio.fixture
except ImportError:  # the plugin of anyio runs plain fixtures that are coroutines
    _async_fixture = pytest.fixture


@pytest.fixture
def nexevo_sandbox() -> Iterator[Sandbox]:
    """
    A sandbox with one gateway and no rate limit, on a thread of its own, so that it serves sync and async tests alike.

    Script faults with ``nexevo_sandbox.fault(…)``, read what arrived with ``nexevo_sandbox.journal()``.
    """
    from nexevo_async.sandbox import Sandbox

    with Sandbox(rate_limit=None) as box:
        yield box


@_async_fixture
async def nexevo_client(nexevo_sandbox: Sandbox) -> AsyncIterator[AsyncNexevo]:
    """An `AsyncNexevo` that talks to `nexevo_sandbox`. Needs pytest-asyncio or the plugin of anyio."""
    from nexevo_async.client import AsyncNexevo

    async with AsyncNexevo(nexevo_sandbox.api_key, base_urls=nexevo_sandbox.base_urls) as client:
        yield client


@pytest.fixture
def nexevo_sync_client(nexevo_sandbox: Sandbox) -> Iterator[Nexevo]:
    """A `Nexevo`, the blocking client, that talks to `nexevo_sandbox`, closed after the test."""
    from nexevo_sync.client import Nexevo

    with Nexevo(nexevo_sandbox.api_key, base_urls=nexevo_sandbox.base_urls) as client:
        yield client
