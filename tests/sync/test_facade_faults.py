"""
The end-to-end tests of the async client, run with the blocking one; one test source, see `tests/e2e/worlds.py`.

Every test of these modules that takes a `world` is found here again with its parameters, but for what is marked
`one_world`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from nexevo_async.sandbox import Sandbox
from nexevo_sync import Nexevo
from tests.e2e import (
    test_closing,
    test_concurrency,
    test_cut_answers,
    test_failover,
    test_key_stays,
    test_paid_calls,
    test_samples,
    test_scenarios,
    test_stream_cuts,
)
from tests.e2e.worlds import Blocking, BlockingWorld, World, run_here

SAMPLES = [test for name, test in inspect.getmembers(test_samples, inspect.iscoroutinefunction) if name[:5] == "test_"]
MODULES = (
    test_closing,
    test_concurrency,
    test_cut_answers,
    test_failover,
    test_key_stays,
    test_paid_calls,
    test_scenarios,
    test_stream_cuts,
)


@pytest.fixture
def world() -> World:
    """Threads instead of tasks."""
    return BlockingWorld()


def for_threads(module: ModuleType) -> dict[str, Callable[..., None]]:
    """The tests of a module that take a world, as plain functions; pytest finds their parameters and marks there."""
    return {
        name: blocking(test)
        for name, test in inspect.getmembers(module, inspect.iscoroutinefunction)
        if name.startswith("test_") and "world" in inspect.signature(test).parameters and not in_one_world(test)
    }


def blocking(test: Callable[..., Any]) -> Callable[..., None]:
    """The test, run to its end in the calling thread."""

    @functools.wraps(test)
    def run(**arguments: Any) -> None:
        run_here(test(**arguments))

    run.pytestmark = [in_both_worlds(mark) for mark in getattr(test, "pytestmark", [])]  # type: ignore[attr-defined]
    return run


def in_both_worlds(mark: pytest.Mark) -> pytest.Mark:
    """A mark as it is, but a list of parameters without those for coroutines only."""
    if mark.name != "parametrize":
        return mark
    names, values, *rest = mark.args
    return pytest.mark.parametrize(names, [v for v in values if not in_one_world(v)], *rest, **mark.kwargs).mark


def in_one_world(marked: object) -> bool:
    """Whether a test, or the parameters of one, are marked as `one_world`."""
    marks = getattr(marked, "pytestmark", ()) or getattr(marked, "marks", ())
    return any(mark.name == "one_world" for mark in marks)


FOUND = [for_threads(module) for module in MODULES]
for tests in FOUND:
    globals().update(tests)


def test_no_test_hides_another() -> None:
    """Each module gave some, and all names are still there."""
    assert min(len(tests) for tests in FOUND) >= 1
    assert sum(len(tests) for tests in FOUND) == len({name for tests in FOUND for name in tests}) >= 35


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__.removeprefix("test_"))
def test_sample_of_the_service(sample: Callable[[Any], Any]) -> None:
    """It runs as printed, without `await`."""
    with Sandbox(2, rate_limit=None) as box, Nexevo(box.api_key, base_url=box.base_url) as client:
        run_here(sample(Blocking(client)))


def test_the_samples_are_found() -> None:
    """An empty list would pass."""
    assert len(SAMPLES) >= 5
