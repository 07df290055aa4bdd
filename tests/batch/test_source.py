"""The input of a job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from nexevo_async import ConfigurationError
from nexevo_async.batch._source import END, Source


async def later() -> AsyncIterator[int]:
    for number in range(3):
        yield number


class Counted:
    """Iterable, but no generator; notes that somebody closed it."""

    closed = False

    def __iter__(self) -> Iterator[int]:
        return iter(range(3))

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("items", "takes_time"), [(range(3), False), ((n for n in range(3)), False), (Counted(), False), (later(), True)]
)
async def test_every_kind_of_iterable_is_read_to_its_end(items: Any, takes_time: bool) -> None:
    source = Source[int](items)
    assert [await source.read() for _ in range(4)] == [0, 1, 2, END]
    assert source.takes_time is takes_time
    await source.close()


async def test_generators_are_closed_and_nothing_else_is() -> None:
    closed = []

    def now() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append("now")

    async def in_time() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append("in time")

    counted = Counted()
    for items in (now(), in_time(), counted):
        source = Source[int](items)
        await source.read()
        await source.close()
    assert closed == ["now", "in time"]
    assert not counted.closed


@pytest.mark.parametrize("items", [3, None, object()])
def test_what_cannot_be_iterated_is_refused(items: Any) -> None:
    with pytest.raises(ConfigurationError, match="items must be an iterable, sync or async, not "):
        Source(items)


@pytest.mark.parametrize("items", ["a text", b"bytes"])
def test_a_single_text_is_refused_because_its_letters_are_hardly_meant(items: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a single text: put it into a list"):
        Source(items)
