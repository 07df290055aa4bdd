"""
What an answer means: its error class, whether it speaks against the endpoint, and what the service wants us to wait.

Pure: bytes and headers in, values out. Error bodies of gateways come in every form; each becomes the error of its
status and never a second failure (`contract.md` section 1).
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from nexevo_async._messages import FREE_REQUEST, Request, Response, Safety
from nexevo_async._redaction import redact_text
from nexevo_async._sansio.backoff import pushback
from nexevo_async.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InsufficientBalanceError,
    InternalServerError,
    NotAnAPIResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    UnprocessableEntityError,
)
from nexevo_async.models.limits import read_limits

#: How much of the service's own message is quoted, and of its codes.
LONGEST_MESSAGE = 300
LONGEST_WORD = 80

#: The last byte of what an answer of this API is, by the first.
_CLOSED_BY: Final = {ord("{"): ord("}"), ord("["): ord("]")}


class Happened(enum.Enum):
    """What became of an attempt, in the rows of the failover table (`_sansio/failover.py`)."""

    ACCEPTED = "accepted"
    NEVER_LEFT = "never left"
    CERTIFICATE = "certificate not accepted"
    STALE = "stale connection"
    LOST = "connection lost"
    SILENT = "no answer in time"
    BROKEN = "answer broke off"
    GATEWAY = "gateway failed"  # 502, 503, 529
    EDGE_UNREACHED = "edge did not reach the origin"  # 521, 522, 523, 525, 526
    EDGE_LATE = "edge gave up waiting"  # 504, 520, 524
    SERVER = "server failed"  # 500 and other 5xx
    RATE = "rate limited"
    FINAL = "refused"  # the service understood and said no
    FOREIGN = "no gateway there"  # a 404 in other words than ours, at an endpoint that discovery named
    MISPLACED = "not an answer of this API"  # redirect, HTML
    UNREADABLE = "answer was not JSON"  # a success in words that are not ours, or in none


_ACCEPTED: Final = Happened.ACCEPTED  # found faster under a name of this module than as a member of an enum

STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: BadRequestError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}

#: Codes (or types) that decide the class whatever the status: they also come inside streams, where there is none.
CODE_ERRORS: dict[str, type[APIStatusError]] = {
    "invalid_api_key": AuthenticationError,
    "authentication_error": AuthenticationError,
    "insufficient_balance": InsufficientBalanceError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "tenant_monthly_quota_exceeded": QuotaExceededError,
    "insufficient_quota": QuotaExceededError,
    "permission_error": PermissionDeniedError,
    "not_found_error": NotFoundError,
    "model_not_found": NotFoundError,
    "invalid_request_error": BadRequestError,
    "upstream_error": InternalServerError,
    "server_error": InternalServerError,
    "overloaded_error": InternalServerError,
    "api_error": InternalServerError,
}

#: Status that an error event in a stream stands for, by class; the stream itself came with 200.
_EVENT_STATUS: dict[type[APIStatusError], int] = {
    **{cls: status for status, cls in STATUS_ERRORS.items() if status != 413},
    QuotaExceededError: 429,
    InternalServerError: 500,
}

_STATUS_HAPPENED: dict[int, Happened] = {
    429: Happened.RATE,
    502: Happened.GATEWAY,
    503: Happened.GATEWAY,
    529: Happened.GATEWAY,
    504: Happened.EDGE_LATE,
    520: Happened.EDGE_LATE,
    524: Happened.EDGE_LATE,
    521: Happened.EDGE_UNREACHED,
    522: Happened.EDGE_UNREACHED,
    523: Happened.EDGE_UNREACHED,
    525: Happened.EDGE_UNREACHED,
    526: Happened.EDGE_UNREACHED,
}


def happened(response: Response, request: Request, *, discovered: bool = False) -> Happened:
    """
    The row of the failover table that an answer falls into.

    Args:
        response: The answer.
        request: What it answers: a success is told by its body, which some may do without.
        discovered: The endpoint was named by discovery, not by the user. Such hosts come and go: a 404 not in the form
            of an API comes from whoever lives there now, while a user who named a host wants to be told.
    """
    status, body = response.status, response.body
    if 200 <= status < 300:
        if body and _CLOSED_BY.get(body[0]) == body[-1] and "html" not in (response.headers.get("content-type") or ""):
            return _ACCEPTED  # as most of all answers are
        return _success(response, request)
    if status < 400:
        return Happened.MISPLACED
    if status == 429:
        quota = isinstance(error_of(response), QuotaExceededError)
        return Happened.FINAL if quota else Happened.RATE
    if status < 500:
        foreign = discovered and status == 404 and not isinstance(problem_in(body).body, Mapping)
        return Happened.FOREIGN if foreign else Happened.FINAL
    return _STATUS_HAPPENED.get(status, Happened.SERVER)


def names_an_upstream(response: Response) -> bool:
    """Whether a 5xx is about the model behind the gateway; then it does not speak against the base URL."""
    problem = problem_in(response.body)
    return "upstream" in f"{problem.code or ''} {problem.type or ''}"


def looks_like_html(response: Response) -> bool:
    """Whether a successful answer is a web page, which is what a wrong base URL gives."""
    if "html" in (response.headers.get("content-type") or ""):
        return True
    start = response.body[:64].lstrip()
    return start.startswith(b"<") and start.lower().startswith((b"<!doctype", b"<html"))


def _success(response: Response, request: Request) -> Happened:
    """The row of a 2xx: `ACCEPTED` if its body begins and ends as a JSON object or array does, but for white space."""
    body = response.body
    if looks_like_html(response):
        return Happened.MISPLACED
    start, end = body[:64].lstrip(), body[-64:].rstrip()
    if start and end and _CLOSED_BY.get(start[0]) == end[-1]:
        return Happened.ACCEPTED
    free = request.name == FREE_REQUEST  # to a path that we know nothing of
    if not body:
        return Happened.ACCEPTED if free or may_be_empty(response, request) else Happened.UNREADABLE
    if isinstance(_loads(body), dict | list):  # in another encoding, or after much white space
        return Happened.ACCEPTED
    if _begins_as_json(body):
        return Happened.BROKEN
    return Happened.ACCEPTED if free else Happened.UNREADABLE


def may_be_empty(response: Response, request: Request) -> bool:
    """Whether an answer without a body is one. Writes may say no more; to a read it would be a lie: no keys."""
    return response.status == 204 or request.safety not in (Safety.SAFE, Safety.BILLABLE)


def _begins_as_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")


def not_json(response: Response) -> tuple[type[APIResponseValidationError], str]:
    """The error, and its words, for a success whose body is no JSON object or array."""
    body = response.body
    if looks_like_html(response):
        return NotAnAPIResponseError, "the answer is a web page (HTML), not JSON"
    if _begins_as_json(body):
        return APIResponseValidationError, "the answer is JSON that breaks off or is damaged"
    if not body:
        return NotAnAPIResponseError, "the answer is empty where JSON belongs"
    if _loads(body) is _NOT_JSON:
        return NotAnAPIResponseError, "the answer is text that is not JSON"
    return NotAnAPIResponseError, "the answer is a single JSON value where an object or a list belongs"


class Problem:
    """What an error body says."""

    __slots__ = ("body", "code", "message", "param", "type")

    def __init__(self, body: Any, message: str, code: str | None, type_: str | None, param: str | None) -> None:
        self.body = body
        self.message = message
        self.code = code
        self.type = type_
        self.param = param


def problem_in(body: bytes) -> Problem:
    """The problem of an error body, whatever its form; never raises."""
    data = _loads(body)
    if data is _NOT_JSON:
        text = body.decode("utf-8", "replace").strip()
        return Problem(text or None, "" if text.startswith("<") else text, None, None, None)
    return problem_of(data)


def problem_of(data: Any) -> Problem:
    """The same for JSON that is decoded already."""
    outer = data if isinstance(data, Mapping) else {"error": data}
    error = outer.get("error")
    inner = error if error and isinstance(error, Mapping) else outer
    # `{"error": "invalid_key", "message": "…"}`: the sentence is better than the word, if there is one.
    message = next((text for place in (inner, outer) for text in map(_text, _messages(place)) if text), "")
    return Problem(
        data, message or _text(error), _word(inner.get("code")), _word(inner.get("type")), _word(inner.get("param"))
    )


def _messages(place: Mapping[str, Any]) -> list[Any]:
    return [place.get(name) for name in ("message", "detail", "msg")]


def error_of(
    response: Response, *, wall: float = 0.0, call: str | None = None
) -> APIStatusError | APIResponseValidationError:
    """The error that a refusing answer stands for; `wall` is the time since 1970, for reading dates."""
    problem = problem_in(response.body)
    error: APIStatusError | APIResponseValidationError
    promised = 200 <= response.status < 300 and response.status != 204
    if promised and (looks_like_html(response) or not isinstance(problem.body, Mapping | list)):
        cls, words = not_json(response)
        error = cls(words, problems=("$: not JSON",), status=response.status, body=problem.body)
    else:
        error = _status_error(problem, response.status)
    error.call = call
    error.trace_id = _trace_id(response.headers)
    error.headers = response.headers
    if isinstance(error, RateLimitError):
        error.retry_after = pushback(response.headers, wall=wall)
        error.limits = read_limits(response.headers)
    return error


def error_from_event(data: Any, *, call: str | None = None, headers: Mapping[str, str] | None = None) -> APIStatusError:
    """The error that an error event inside a stream stands for: the class of its code, as if it had its status."""
    problem = problem_of(data)
    cls = _class_of(problem, 0)
    error = _status_error(problem, _numbered(problem) or _EVENT_STATUS.get(cls, 500))
    error.call = call
    error.trace_id = _trace_id(headers or {})
    return error


def _trace_id(headers: Mapping[str, str]) -> str | None:
    return _word(headers.get("x-trace-id"))


def _numbered(problem: Problem) -> int | None:
    """The status that a code is, if it is one: some servers send 429 as the code."""
    code = problem.code or ""
    return int(code) if code.isascii() and code.isdigit() and len(code) == 3 and 400 <= int(code) < 600 else None


def _status_error(problem: Problem, status: int) -> APIStatusError:
    cls = _class_of(problem, status)
    message = _one_line(problem.message, LONGEST_MESSAGE) or _plain_words(status)
    return cls(message, status=status, code=problem.code, type=problem.type, param=problem.param, body=problem.body)


def _class_of(problem: Problem, status: int) -> type[APIStatusError]:
    """
    Status, code and type together: a 402 may be called `account_suspended`, a 429 may be a monthly quota.

    The status decides, where there is one; code and type decide between the two kinds of 429 and inside streams.
    """
    named = [CODE_ERRORS[word] for word in (problem.code, problem.type) if word in CODE_ERRORS]
    if status == 429:
        return QuotaExceededError if QuotaExceededError in named else RateLimitError
    if status in STATUS_ERRORS:
        return STATUS_ERRORS[status]
    if status >= 500:
        return InternalServerError
    if status >= 400:
        return BadRequestError
    if named:
        return named[0]
    if status == 0:
        return STATUS_ERRORS.get(_numbered(problem) or 500, InternalServerError)
    return APIStatusError


def _plain_words(status: int) -> str:
    if 300 <= status < 400:
        return "the base URL redirects; redirects are not followed, because the API key would travel along"
    return f"the service answered {status} without an explanation"


_NOT_JSON = object()


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)  # takes NaN and numbers beyond 64 bits, which servers in the wild do send
    except (ValueError, RecursionError):
        return _NOT_JSON


def _text(value: Any) -> str:
    """A message, whatever form it has; not recursive, as the nesting of an answer has no limit of ours."""
    if isinstance(value, list):  # FastAPI's `detail`: a list of {"loc", "msg"}
        return "; ".join(filter(None, map(_phrase, value[:5])))
    return _phrase(value)


def _phrase(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("message") or value.get("msg")
    return "" if value is None or isinstance(value, list | Mapping) else str(value)


def _word(value: Any) -> str | None:
    """A code or type as text: servers send strings, integers and null."""
    return None if value is None or isinstance(value, dict | list) else _one_line(str(value), LONGEST_WORD) or None


def _one_line(text: str, longest: int) -> str:
    return redact_text(" ".join(text.split()))[:longest]
