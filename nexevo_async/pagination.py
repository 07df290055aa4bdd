"""Lists, one page or many: `Page` is an answer that holds a list, `Pages` what every ``list`` method returns."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import attrs

from nexevo_async import _codec
from nexevo_async._decoders import Unexpected, list_decoder
from nexevo_async.models._common import Model
from nexevo_async.models.limits import RateLimits, read_limits

if TYPE_CHECKING:
    from nexevo_async._messages import Headers

__all__ = ["Page", "PageIterator", "Pages"]

T = TypeVar("T")

#: Where a list may stand in an answer that is an object (`contract.md` section 7), in the order they are looked for.
LIST_KEYS: Final = ("items", "data", "conversations", "members", "keys")

#: How the codec is asked for plain JSON.
_JSON: Final[Any] = Any

_PAGE_SIZE_NAMES: Final = ("pageSize", "page_size")

#: Fetches one page; the mapping holds the query parameters that differ from the first page's.
FetchPage = Callable[[Mapping[str, Any]], Awaitable["Page[T]"]]
#: From a page and the parameters that fetched it, those of the page after it, or None after the last.
NextPage = Callable[["Page[T]", Mapping[str, Any]], Mapping[str, Any] | None]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Page(Generic[T]):
    """
    One answer that holds a list: a sequence of its items that also knows what stood around them.

    ``page[0]``, ``len(page)``, iteration and ``in`` speak of the items; ``page["total"]`` reads the answer by the names
    on the wire, and ``page["items"]`` is the list however the service called it.

    Attributes:
        items: The items of this page, in the order of the service.
        wire_key: The name under which the list arrived, or None if the answer was a bare array.

    .. versionadded:: 0.1.0
    """

    items: list[T]
    wire_key: str | None = None
    _envelope: Mapping[str, Any] = attrs.field(factory=dict, alias="envelope")
    headers: Headers | None = None

    @property
    def data(self) -> list[T]:
        """The same list as `items`, under the name that OpenAI's clients use."""
        return self.items

    @property
    def total(self) -> int | None:
        """How many items there are on all pages together, or None if not told."""
        return _whole(self._envelope.get("total"))

    @property
    def page(self) -> int | None:
        """The number of this page, from 1; None if not told."""
        return _whole(self._envelope.get("page"))

    @property
    def page_size(self) -> int | None:
        """The most items a page of this list can have, -1 for all; None if not told."""
        return next((size for name in _PAGE_SIZE_NAMES if (size := _whole(self._envelope.get(name))) is not None), None)

    @property
    def success(self) -> bool | None:
        """Whether the platform says that it worked, as sub-account calls are told; None if not told."""
        told = self._envelope.get("success")
        return told if told.__class__ is bool else None

    @property
    def extra(self) -> Mapping[str, Any]:
        """What else stood around the list, as a read-only mapping."""
        known = {"total", "page", "success", *_PAGE_SIZE_NAMES}
        return MappingProxyType({name: value for name, value in self._envelope.items() if name not in known})

    @property
    def trace_id(self) -> str | None:
        """The id to quote to support (`X-Trace-ID`), or None if the answer had none."""
        return None if self.headers is None else self.headers.get("x-trace-id")

    @property
    def limits(self) -> RateLimits | None:
        """The rate limit as the answer told it, or None if it told nothing."""
        return None if self.headers is None else read_limits(self.headers)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object again; a bare array becomes an object with the list under ``items``. A deep copy."""
        items = [item.to_dict() if isinstance(item, Model) else copy.deepcopy(item) for item in self.items]
        return {**copy.deepcopy(dict(self._envelope)), self.wire_key or "items": items}

    @overload
    def __getitem__(self, key: int) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> list[T]: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if not isinstance(key, str):
            return self.items[key]
        if key in ("items", "data", self.wire_key):
            return self.items
        if key in self._envelope:
            return self._envelope[key]
        if key in _PAGE_SIZE_NAMES and self.page_size is not None:
            return self.page_size
        raise KeyError(key)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str) and (item == (self.wire_key or "items") or item in self._envelope):
            return True
        return item in self.items

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Page) else NotImplemented

    def __repr__(self) -> str:
        told = [
            f"{name}={value}" for name in ("total", "page", "page_size") if (value := getattr(self, name)) is not None
        ]
        return f"Page({', '.join([f'items={self.items!r}', *told])})"


class Pages(Generic[T]):
    """
    A list that may span several pages. Nothing is asked until it is awaited or iterated.

    ``await pages`` gives the first `Page`; ``async for item in pages`` gives the items of all pages, fetching each when
    it is reached; ``async for page in pages.pages()`` goes page by page. Each of them starts from the beginning.

    .. versionadded:: 0.1.0
    """

    __slots__ = ("_fetch", "_next")

    def __init__(self, fetch: FetchPage[T], next_page: NextPage[T] | None = None) -> None:
        self._fetch = fetch
        self._next = next_page

    def pages(self) -> PageIterator[T]:
        """An iterator over the pages, each fetched when it is reached."""
        return PageIterator(self._fetch, self._next)

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._fetch({}).__await__()

    def __aiter__(self) -> ItemIterator[T]:
        return ItemIterator(self.pages())

    def __repr__(self) -> str:
        return "<Pages: await it for the first page, or iterate over it with async for>"


class PageIterator(Generic[T]):
    """
    The pages of a list, one call per step.

    .. versionadded:: 0.1.0
    """

    __slots__ = ("_fetch", "_last", "_next", "_query")

    def __init__(self, fetch: FetchPage[T], next_page: NextPage[T] | None = None) -> None:
        self._fetch = fetch
        self._next = next_page
        self._query: Mapping[str, Any] | None = {}
        self._last: list[T] | None = None

    def __aiter__(self) -> PageIterator[T]:
        return self

    async def __anext__(self) -> Page[T]:
        if self._query is None:
            raise StopAsyncIteration
        # A page that fails is asked for again by the next step, so nothing is skipped.
        page = await self._fetch(self._query)
        if self._next is None:
            self._query = None
            return page
        items = _parsed(page).items
        if items == self._last:  # the service does not know the parameter, and would say the same up to the total
            self._query = self._last = None
            raise StopAsyncIteration
        self._query, self._last = self._next(page, self._query), items
        return page


class ItemIterator(Generic[T]):
    """
    The items of a list across its pages.

    .. versionadded:: 0.1.0
    """

    __slots__ = ("_items", "_pages")

    def __init__(self, pages: PageIterator[T]) -> None:
        self._pages = pages
        self._items: Iterator[T] = iter(())

    def __aiter__(self) -> ItemIterator[T]:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = iter((await self._pages.__anext__()).items)


def numbered(first: int = 1) -> NextPage[Any]:
    """
    The rule of lists with `page`, `page_size` and `total`: the next number until `total` items are behind us.

    The numbers asked for only grow and the total bounds them, so nothing makes it go on for ever; of a service that
    ignores the number one page is given, told by its coming twice. Without a total, or when one page holds everything
    (a size of -1), there is one page.
    """

    def next_page(page: Page[Any], asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        page = _parsed(page)
        number = asked.get("page", first)
        size = page.page_size or len(page)
        if not page.items or page.total is None or size < 1 or number * size >= page.total:
            return None
        return {"page": number + 1}

    return next_page


def _parsed(page: Any) -> Page[Any]:
    """The page, also of a raw view: there it is an answer that is not read yet."""
    return page if isinstance(page, Page) else page.parse()


def decode_page(body: bytes | str, item: type[T], headers: Headers | None = None) -> Page[T]:
    """
    A page from the bytes of an answer.

    Raises:
        Undecodable: It is not JSON, holds no list, or an item is not what its model declares; the paths begin with the
            name of the list, as in ``items[3].balance``.
    """
    try:
        return read_page(_codec.decode(body, _JSON), list_decoder(item), headers)
    except (Unexpected, KeyError, ValueError, RecursionError):
        return read_page(_codec.decode_carefully(body, _JSON), lambda data: _structure_list(data, item), headers)


def read_page(data: Any, decode_list: Callable[[Any], list[T]], headers: Headers | None = None) -> Page[T]:
    """The same from JSON that is decoded already; `decode_list` makes the items."""
    if isinstance(data, list):
        return Page(items=decode_list(data), headers=headers)
    key = next((key for key in LIST_KEYS if key in data), None) if isinstance(data, dict) else None
    if key is None:
        raise _codec.Undecodable((f"$: not a list, and no list under {', '.join(LIST_KEYS)}",), is_json=True, data=data)
    # Some services write an empty list as null.
    try:
        items = decode_list(data[key]) if data[key] is not None else []
    except _codec.Undecodable as error:
        problems = tuple(f"{key}{problem.removeprefix('$')}" for problem in error.problems)
        raise _codec.Undecodable(problems, is_json=True, data=data) from None
    envelope = {name: value for name, value in data.items() if name != key}
    return Page(items=items, wire_key=key, envelope=envelope, headers=headers)


def _structure_list(data: Any, item: type[T]) -> list[T]:
    return _codec.structure(data, list[item])  # type: ignore[valid-type]  # a type made at run time


def _whole(value: Any) -> int | None:
    return value if value.__class__ is int else None
