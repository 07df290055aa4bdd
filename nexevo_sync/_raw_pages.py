"""What a list is on the raw view of the blocking client. Only that view needs it, and only it imports it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import attrs

from nexevo_async._answers import RawResponse
from nexevo_async.pagination import Page, Pages
from nexevo_sync._shapes import IteratorTwin

if TYPE_CHECKING:
    from nexevo_sync._portal import Portal

T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RawPages(RawResponse[Page[T]]):
    """The first answer of a list, which also leads to those of its other pages."""

    _portal: Portal = attrs.field(alias="portal")
    _all: Pages[T] = attrs.field(alias="all_pages")

    @classmethod
    def of(cls, first: RawResponse[Page[T]], portal: Portal, pages: Pages[T]) -> RawPages[T]:
        """A first answer that is there, and the list that begins with it."""
        return cls(
            response=first.response, attempts=first.attempts, parse_with=first.parse, portal=portal, all_pages=pages
        )

    def pages(self) -> Iterator[RawResponse[Page[T]]]:
        """The answers of all pages, beginning with this one; the others are fetched when they are reached."""
        return IteratorTwin(self._portal, self._all.pages())
