"""The input of a job: any iterable, read one item at a time and never ahead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from nexevo_async.errors import ConfigurationError

Item = TypeVar("Item")

#: Stands for the item after the last.
END: Final[Any] = object()


class Source(Generic[Item]):
    """
    One reading of the input. Nothing is read before the first `read`.

    Raises:
        ConfigurationError: It cannot be iterated, or is a single text.
    """

    __slots__ = ("_later", "_now")

    def __init__(self, items: Iterable[Item] | AsyncIterable[Item]) -> None:
        self._now: Iterator[Item] = iter(())
        self._later: AsyncIterator[Item] | None = None
        if isinstance(items, str | bytes):
            raise ConfigurationError("items must be an iterable of items, not a single text: put it into a list")
        if isinstance(items, AsyncIterable):
            self._later = aiter(items)
        elif isinstance(items, Iterable):
            self._now = iter(items)
        else:
            raise ConfigurationError(f"items must be an iterable, sync or async, not {type(items).__name__}")

    @property
    def takes_time(self) -> bool:
        """Whether a read may have to wait, so that whoever reads next has to wait for it too."""
        return self._later is not None

    async def read(self) -> Item:
        """The next item, or `END`; raises what the input raises."""
        if self._later is not None:
            return await anext(self._later, END)
        return next(self._now, END)

    async def close(self) -> None:
        """Close the input if it is a generator. Anything else, such as a file, is the caller's to close."""
        if isinstance(self._later, AsyncGenerator):
            await self._later.aclose()
        elif isinstance(self._now, Generator):
            self._now.close()
