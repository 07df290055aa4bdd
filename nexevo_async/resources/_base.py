"""What all resources share: the way down to the transport, and the options that every call takes."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from nexevo_async.pagination import NextPage, Page, Pages

if TYPE_CHECKING:
    from nexevo_async._transport import Transport
    from nexevo_async.config import Timeout

T = TypeVar("T")


class CallOptions(TypedDict, total=False):
    """
    Options of a single call; every method takes them as keywords.

    Attributes:
        timeout: Limits of this call, or seconds for the whole call. None, the default, means the client's own.
        extra_headers: Headers to add; they win over the client's.
        extra_query: Query parameters to add; they win over those of the method.
        extra_body: Fields to add to the JSON body; they win over those of the method.
        max_retries: How often to try again after a failure, 0 for never. None, the default, means the client's own.

    .. versionadded:: 0.1.0
    """

    timeout: Timeout | float | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, Any] | None
    extra_body: Mapping[str, Any] | None
    max_retries: int | None


OPTION_NAMES = frozenset(CallOptions.__annotations__)


def check_options(route: str, options: Mapping[str, Any]) -> None:
    """
    Refuse keywords that are no options, as Python does for a function that names its arguments.

    Raises:
        TypeError: A keyword is neither an argument of the method nor an option.
    """
    if options and not OPTION_NAMES.issuperset(options):
        unknown = next(name for name in options if name not in OPTION_NAMES)
        raise TypeError(f"{route}() got an unexpected keyword argument {unknown!r}")


class Resource:
    """A group of calls. It turns arguments into requests and holds no logic of its own."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _fetch(
        self,
        route: str,
        into: type[T],
        options: CallOptions,
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        shape: str = "",
    ) -> Coroutine[Any, Any, T]:
        """Make a call and read its answer."""
        check_options(route, options)
        return self._transport.fetch(
            route, into, options, ids=ids, query=query, json=json, idempotency_key=idempotency_key, shape=shape
        )

    async def _page(
        self, route: str, item: type[T], options: CallOptions, *, json: Mapping[str, Any] | None = None
    ) -> Page[T]:
        """Make a call whose answer holds a list."""
        check_options(route, options)
        return await self._transport.fetch_page(route, item, options, json=json)

    def _list(
        self,
        route: str,
        item: type[T],
        options: CallOptions,
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        next_page: NextPage[T] | None = None,
    ) -> Pages[T]:
        """A list that is fetched when it is awaited or iterated."""
        check_options(route, options)

        async def fetch(changes: Mapping[str, Any]) -> Page[T]:
            return await self._transport.fetch_page(route, item, options, ids=ids, query={**(query or {}), **changes})

        return Pages(fetch, next_page)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that the caller set; None means not set and is not sent."""
    return {name: value for name, value in fields.items() if value is not None}
