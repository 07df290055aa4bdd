"""A job without a network: what its function does is written in each test."""

from __future__ import annotations

import pytest

from nexevo_async import AsyncNexevo
from nexevo_async.batch import Batch


@pytest.fixture
def batch() -> Batch[AsyncNexevo]:
    """The resource of a client that never sends anything."""
    return AsyncNexevo("sk-xc-test", base_url="http://127.0.0.1:1").batch
