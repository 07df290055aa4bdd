"""From an answer that was accepted to the typed result, or to an error that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from nexevo_async import _codec
from nexevo_async._decoders import is_model
from nexevo_async._messages import Attempt, Request, Response
from nexevo_async._sansio import outcome
from nexevo_async._sansio.stories import probably_done
from nexevo_async.errors import APIResponseValidationError, NexevoError
from nexevo_async.models._common import attach_head
from nexevo_async.pagination import Page, decode_page

T = TypeVar("T")

#: Platform calls, by the beginning of their names, say no with `success: false` in a 200.
PLATFORM = "sub_accounts."


@attrs.frozen(kw_only=True, repr=False)
class RawResponse(Generic[T]):
    """
    An answer before it is read; what `with_raw_response` gives.

    Attributes:
        status: HTTP status, always 2xx: everything else is raised.
        headers: Response headers.
        content: The bytes of the body.
        url: Address it came from, without the query.
        attempts: Failed attempts before this answer.

    .. versionadded:: 0.1.0
    """

    response: Response = attrs.field(repr=False)
    attempts: tuple[Attempt, ...]
    _parse: Callable[[], T] = attrs.field(repr=False, alias="parse_with")

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers; names ignore case."""
        return self.response.headers

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        return self.response.body

    @property
    def url(self) -> str:
        """Address it came from, without the query."""
        return self.response.url

    def __repr__(self) -> str:
        return f"<RawResponse {self.status} from {self.url}, {len(self.content)} bytes>"

    def parse(self) -> T:
        """
        The typed result, as the method itself would have returned it.

        Raises:
            APIResponseValidationError: The answer cannot be read.
        """
        return self._parse()


def read_answer(response: Response, into: type[T], request: Request, attempts: tuple[Attempt, ...]) -> T:
    """
    The typed result of an answer.

    Raises:
        APIResponseValidationError: A documented field is missing or has the wrong type.
        NotAnAPIResponseError: It is HTML or text.
        APIStatusError: A platform call says `success: false`.
    """
    if into is bytes:
        return response.body  # type: ignore[return-value]  # bytes were asked for
    _refuse_nothing(response, request, attempts)
    try:
        result = _codec.decode(response.body or b"{}", into)
    except _codec.Undecodable as problem:
        _refuse_platform_no(problem.data, response, request, attempts)
        raise unreadable(problem, response, request, attempts) from None
    kind: Any = into
    if is_model(kind):
        attach_head(result, response.headers)
        _refuse_error_in_success(result, response, request, attempts)
    _refuse_platform_no(result, response, request, attempts)
    return result


def read_page_answer(response: Response, item: type[T], request: Request, attempts: tuple[Attempt, ...]) -> Page[T]:
    """The same for an answer that holds a list."""
    _refuse_nothing(response, request, attempts)
    try:
        page = decode_page(response.body or b"[]", item, response.headers)
    except _codec.Undecodable as problem:
        _refuse_platform_no(problem.data, response, request, attempts)
        raise unreadable(problem, response, request, attempts) from None
    _refuse_platform_no({"success": page.success}, response, request, attempts)
    return page


def unreadable(
    problem: _codec.Undecodable, response: Response, request: Request, attempts: tuple[Attempt, ...]
) -> APIResponseValidationError:
    """The error for a 2xx that is not what it should be."""
    story: dict[str, Any] = {
        "problems": problem.problems,
        "status": response.status,
        "headers": response.headers,
        "body": problem.data if problem.is_json else response.body.decode("utf-8", "replace"),
        "call": request.name,
        "attempts": (*attempts, _attempt(response, request, "unreadable")),
        "trace_id": response.headers.get("x-trace-id"),
    }
    if problem.is_json:
        return APIResponseValidationError(f"the answer cannot be read: {problem}{probably_done(request)}", **story)
    cls, words = outcome.not_json(response)
    return cls(words + probably_done(request), **story)


def _refuse_nothing(response: Response, request: Request, attempts: tuple[Attempt, ...]) -> None:
    """An empty answer to a read of `client.request`; those of our own routes do not get this far."""
    if not response.body and not outcome.may_be_empty(response, request):
        raise unreadable(_codec.Undecodable(("$: nothing",), is_json=False), response, request, attempts)


def _attempt(response: Response, request: Request, problem: str) -> Attempt:
    """The attempt that brought an answer which is no good after all, for the story of an error."""
    base_url = response.url.removesuffix(request.path)
    trace_id = response.headers.get("x-trace-id")
    return Attempt(base_url=base_url, status=response.status, problem=problem, trace_id=trace_id)


def _refuse_error_in_success(result: Any, response: Response, request: Request, attempts: tuple[Attempt, ...]) -> None:
    """A gateway that says 200 and means an error: a caller would take an empty result for done."""
    if result._raw.get("error") and len(result.extra) == len(result):
        raise _refusal(response, request, attempts, "an error in a 200")


def _refuse_platform_no(data: Any, response: Response, request: Request, attempts: tuple[Attempt, ...]) -> None:
    if request.name.startswith(PLATFORM) and isinstance(data, Mapping) and data.get("success") is False:
        raise _refusal(response, request, attempts, "success: false")


def _refusal(response: Response, request: Request, attempts: tuple[Attempt, ...], problem: str) -> NexevoError:
    error = outcome.error_of(response, call=request.name)
    error.attempts = (*attempts, _attempt(response, request, problem))
    return error
