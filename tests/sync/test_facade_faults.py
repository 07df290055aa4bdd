"""The end-to-end tests of the async client, run with the blocking one; one test source, see `tests/e2e/worlds.py`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nexevo_async.sandbox import Sandbox
from nexevo_sync import Nexevo
from tests.e2e import test_samples
from tests.e2e.scenarios import SCENARIOS, Scenario
from tests.e2e.worlds import Blocking, BlockingWorld, run_here

SAMPLES = [test for name, test in inspect.getmembers(test_samples, inspect.iscoroutinefunction) if name[:5] == "test_"]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(2, rate_limit=None) as box:
        yield box


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_scenario(scenario: Scenario, box: Sandbox) -> None:
    """It holds for threads."""
    run_here(scenario(BlockingWorld(box)))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__.removeprefix("test_"))
def test_sample_of_the_service(sample: Callable[[Any], Any], box: Sandbox) -> None:
    """It runs as printed, without `await`."""
    with Nexevo(box.api_key, base_url=box.base_url) as client:
        run_here(sample(Blocking(client)))


def test_the_samples_are_found() -> None:
    """An empty list would pass."""
    assert len(SAMPLES) >= 5
