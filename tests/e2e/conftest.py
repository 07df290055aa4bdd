"""The world of coroutines, for every test that takes one."""

from __future__ import annotations

import pytest

from tests.e2e.worlds import AsyncWorld, World


@pytest.fixture
def world() -> World:
    """See `worlds.py`."""
    return AsyncWorld()
