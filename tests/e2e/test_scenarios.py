"""Every scenario with the async client; `tests/sync/test_facade_faults.py` runs this with the blocking one as well."""

from __future__ import annotations

import pytest

from tests.e2e.scenarios import SCENARIOS, Scenario
from tests.e2e.worlds import World


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_scenario(world: World, scenario: Scenario) -> None:
    """It holds in every world."""
    async with world.sandbox(2):
        await scenario(world)
