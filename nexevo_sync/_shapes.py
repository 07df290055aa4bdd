"""
What the generated classes have in common: one base class for each shape of call.

A twin stands on this side for an object of the async client, which stays on the loop. None of these knows what the
calls are about; names, signatures and docstrings are in the generated classes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Generic, NoReturn, ParamSpec, Self, TypeVar, cast

from nexevo_async.pagination import Page
from nexevo_async.pagination import Pages as AsyncPages
from nexevo_sync._batches import BatchIterator
from nexevo_sync._portal import Portal

#: How many items of a stream may wait on this side. More would save trips and cost more than that: Python's garbage
#: collector begins to run once some 700 new objects live at the same time, and a chunk is four of them, eight if it is
#: not like the one before it. Where more than that has arrived, it waits as bytes, and this side reads it.
AHEAD: Final = 64

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="StreamTwin[Any, Any]")
T = TypeVar("T")


class Twin(Generic[A]):
    """The blocking side of an object of the async client: where it is, and the way there."""

    def __init__(self, portal: Portal, twin: A) -> None:
        self._portal = portal
        self._async = twin


class ClientTwin(Twin[A]):
    """A client, or a view of one: all views share the portal, and only the client itself closes it."""

    _own = True

    def _view(self, view: A) -> Self:
        return self._over(self._portal, view)

    @classmethod
    def _over(cls, portal: Portal, view: A) -> Self:
        twin = object.__new__(cls)
        Twin.__init__(twin, portal, view)
        twin._own = False
        return twin

    def close(self) -> None:
        """Close the portal, and with it the client on the other side."""
        if self._own:
            self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = self._portal.run(repr, self._async)
        return shown.replace(type(self._async).__name__, type(self).__name__, 1)


class IteratorTwin(Twin[A], Iterator[T]):
    """An iterator whose every step is a call of its own."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        steps: Any = self._async
        try:
            return cast("T", self._portal.call(steps.__anext__))
        except StopAsyncIteration:
            raise StopIteration from None


class StreamTwin(Twin[A], Iterator[T]):
    """An open stream. Its items cross in batches, and it is a context manager that closes it."""

    def __init__(self, portal: Portal, twin: A) -> None:
        super().__init__(portal, twin)
        stream: Any = twin
        # What is expensive is read ahead no further than it says: a job for its one call at once, say.
        ahead = min(AHEAD, getattr(stream, "_ahead", AHEAD))
        # Not through `self`, which would make a cycle: a dropped stream is to be noticed at once.
        self._items: BatchIterator[T] = portal.iterate(lambda: stream, ahead=ahead, opened=True)

    def _read_by(self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call what reads the stream itself."""
        self._items.rest()
        return self._portal.call(func, *args, **kwargs)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __next__(self) -> T:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._items.close()

    def __repr__(self) -> str:
        return repr(self._async)


class OpeningTwin(Twin[A], Generic[A, S]):
    """A context manager that opens a stream when it is entered, and closes it when it is left."""

    _opened: S | None = None

    def open(self) -> S:
        """Send the request and give the stream, for those who cannot use ``with`` and will close it themselves."""
        raise NotImplementedError

    def __iter__(self) -> NoReturn:
        raise TypeError("write `with … as stream:` around it, and iterate over the stream")

    def __enter__(self) -> S:
        self._opened = self.open()
        return self._opened

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(kind, error, tb)


class PagerTwin(Twin[AsyncPages[T]], Generic[T]):
    """A list whose first page is there, and whose other pages are fetched when they are reached."""

    def __init__(self, portal: Portal, twin: AsyncPages[T], first: Page[T]) -> None:
        super().__init__(portal, twin)
        self._first = first

    @classmethod
    def fetch(cls, portal: Portal, pages: AsyncPages[T]) -> Self:
        """Fetch the first page. On the raw view it is an answer that is not read yet, and the list another class."""
        first = portal.call(lambda: pages)
        rest = _beginning_with(first, pages)
        if isinstance(first, Page):
            return cls(portal, rest, first)
        from nexevo_sync._raw_pages import RawPages

        return cast("Self", RawPages.of(first, portal, rest))

    def first(self) -> Page[T]:
        """The first page, on its own."""
        return self._first

    def __repr__(self) -> str:
        return repr(self._first).replace(type(self._first).__name__, type(self).__name__, 1)


def _beginning_with(first: Page[T], pages: AsyncPages[T]) -> AsyncPages[T]:
    """The same list, whose first page need not be fetched again."""

    async def fetch(changes: Any) -> Page[T]:
        return await pages._fetch(changes) if changes else first

    return AsyncPages(fetch, pages._next)


class ViewTwin(Iterator[T]):
    """
    An iterator over another one of this side, such as the text of a stream.

    The async client's own iterator runs here: what it awaits is there already, so it never needs a loop.
    """

    def __init__(self, view: Callable[[Any], Any], source: Iterable[Any]) -> None:
        self._steps = view(_Here(iter(source)))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        return cast("T", _run_here(self._steps.__anext__()))


class _Here:
    """Stands in for an async iterator."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    async def __anext__(self) -> Any:
        try:
            return next(self._items)
        except StopIteration:
            raise StopAsyncIteration from None


def _run_here(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    except StopAsyncIteration:
        raise StopIteration from None
    raise RuntimeError("a view of a stream waited for something other than the stream")
