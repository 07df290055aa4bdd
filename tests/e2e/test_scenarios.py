"""Every scenario with the async client."""

from __future__ import annotations

import pytest

from nexevo_async.sandbox import Sandbox
from tests.e2e.scenarios import SCENARIOS, Scenario
from tests.e2e.worlds import AsyncWorld


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_scenario(scenario: Scenario) -> None:
    """It holds for coroutines."""
    with Sandbox(2, rate_limit=None) as box:
        await scenario(AsyncWorld(box))
