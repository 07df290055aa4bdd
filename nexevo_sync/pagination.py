# Written by tools/generate_sync.py from nexevo_async/pagination.py; change that, and run: make generate
"""Lists, one page or many: `Page` is an answer that holds a list, `Pages` what every ``list`` method returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from nexevo_async.models.limits import RateLimits
from nexevo_async.pagination import ItemIterator as AsyncItemIterator
from nexevo_async.pagination import Page as Page
from nexevo_async.pagination import PageIterator as AsyncPageIterator
from nexevo_sync._shapes import IteratorTwin, PagerTwin, ViewTwin

if TYPE_CHECKING:
    from nexevo_async._messages import Headers

T = TypeVar("T")


class Pages(PagerTwin[T]):
    """
    A list that may span several pages. It is the first page, and iterating over it goes on to the others.

    Attributes, indexes, ``len`` and ``in`` speak of the first page, which `first` gives on its own;
    ``for item in pages`` gives the items of all pages, fetching each when it is reached;
    ``for page in pages.pages()`` goes page by page. Each of them starts from the beginning.

    .. versionadded:: 0.1.0
    """

    def pages(self) -> PageIterator[T]:
        """An iterator over the pages, each fetched when it is reached."""
        return PageIterator(self._portal, self._async.pages())

    def __iter__(self) -> ItemIterator[T]:
        return ItemIterator(self.pages())

    @property
    def items(self) -> list[T]:
        """The items of this page, in the order of the service."""
        return self._first.items

    @property
    def wire_key(self) -> str | None:
        """The name under which the list arrived, or None if the answer was a bare array."""
        return self._first.wire_key

    @property
    def headers(self) -> Headers | None:
        """The headers of the first page."""
        return self._first.headers

    @property
    def data(self) -> list[T]:
        """The same list as `items`, under the name that OpenAI's clients use."""
        return self._first.data

    @property
    def total(self) -> int | None:
        """How many items there are on all pages together, or None if not told."""
        return self._first.total

    @property
    def page(self) -> int | None:
        """The number of this page, from 1; None if not told."""
        return self._first.page

    @property
    def page_size(self) -> int | None:
        """The most items a page of this list can have, -1 for all; None if not told."""
        return self._first.page_size

    @property
    def success(self) -> bool | None:
        """Whether the platform says that it worked, as sub-account calls are told; None if not told."""
        return self._first.success

    @property
    def extra(self) -> Mapping[str, Any]:
        """What else stood around the list, as a read-only mapping."""
        return self._first.extra

    @property
    def trace_id(self) -> str | None:
        """The id to quote to support (`X-Trace-ID`), or None if the answer had none."""
        return self._first.trace_id

    @property
    def limits(self) -> RateLimits | None:
        """The rate limit as the answer told it, or None if it told nothing."""
        return self._first.limits

    def to_dict(self) -> dict[str, Any]:
        """The JSON object again; a bare array becomes an object with the list under ``items``. A deep copy."""
        return self._first.to_dict()

    @overload
    def __getitem__(self, key: int) -> T: ...

    @overload
    def __getitem__(self, key: slice) -> list[T]: ...

    @overload
    def __getitem__(self, key: str) -> Any: ...

    def __getitem__(self, key: int | slice | str) -> Any:
        return self._first[key]

    def __contains__(self, item: object) -> bool:
        return item in self._first

    def __len__(self) -> int:
        return len(self._first)


class PageIterator(IteratorTwin[AsyncPageIterator[T], Page[T]]):
    """
    The pages of a list, one call per step.

    .. versionadded:: 0.1.0
    """


class ItemIterator(ViewTwin[T]):
    """
    The items of a list across its pages.

    .. versionadded:: 0.1.0
    """

    def __init__(self, pages: PageIterator[T]) -> None:
        super().__init__(AsyncItemIterator, pages)
