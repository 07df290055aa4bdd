"""
Every error this library raises; nothing foreign escapes.

::

    NexevoError                        one line; picklable; never holds a secret or a user's prompt
    ├─ ConfigurationError              bad argument, before anything is sent; also a ValueError
    ├─ ClientClosedError               also a RuntimeError
    ├─ APIConnectionError              no usable answer; `delivery` is "never" or "maybe"
    │  ├─ APITimeoutError              says which limit; also a TimeoutError
    │  └─ OutcomeUnknownError          an unsafe call may have arrived
    ├─ APIStatusError                  an answer that says no
    │  ├─ BadRequestError 400          AuthenticationError 401   InsufficientBalanceError 402
    │  ├─ PermissionDeniedError 403    NotFoundError 404         ConflictError 409
    │  ├─ UnprocessableEntityError 422
    │  ├─ RateLimitError 429           waiting helps
    │  ├─ QuotaExceededError 429       waiting does not help
    │  └─ InternalServerError 5xx
    ├─ APIResponseValidationError      a 2xx that cannot be read
    │  └─ NotAnAPIResponseError        HTML or text where JSON belongs
    └─ StreamError                     an error event in a stream
       └─ StreamTruncatedError         the stream ended early; `partial` holds the message so far

The levels answer: did we get an answer? whose fault is it? what can the caller do?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nexevo_async._messages import Attempt, Delivery
from nexevo_async._redaction import redact_text

if TYPE_CHECKING:
    from nexevo_async._messages import Headers
    from nexevo_async.models.chat import ChatCompletion
    from nexevo_async.models.limits import RateLimits


class NexevoError(Exception):
    """
    Root of all errors of this library.

    Attributes:
        message: What happened, without the story around it.
        call: Name of the call, such as ``keys.create``, or None if it was not about one call.
        attempts: Every attempt of the call, oldest first.
        trace_id: The id to quote to support, or None if no answer came.

    .. versionadded:: 0.1.0
    """

    #: What to do next; a sentence, or empty where the message says it.
    hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        call: str | None = None,
        attempts: tuple[Attempt, ...] = (),
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.call = call
        self.attempts = attempts
        self.trace_id = trace_id

    @property
    def base_url(self) -> str | None:
        """The base URL of the last attempt, or None if nothing was tried."""
        return self.attempts[-1].base_url if self.attempts else None

    def __str__(self) -> str:
        text = f"{self.call}: {self.message}" if self.call else self.message
        facts = [*self._facts()]
        if facts:
            text += f" ({', '.join(facts)})"
        advice = self._advice()
        return f"{text}. {advice}" if advice else text

    def _advice(self) -> str:
        """What to do next, or empty."""
        return self.hint

    def _facts(self) -> list[str]:
        facts = []
        if self.attempts:
            facts.append(self._tried())
        if self.trace_id:
            facts.append(f"trace id {redact_text(self.trace_id)}")  # a header: from outside, like any text
        return facts

    def _tried(self) -> str:
        bases = list(dict.fromkeys(attempt.base_url for attempt in self.attempts))
        count = len(self.attempts)
        if count == 1:
            return f"at {bases[0]}"
        return f"after {count} attempts at {', '.join(bases)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[NexevoError], args: tuple[Any, ...], state: dict[str, Any]) -> NexevoError:
    # Keyword-only constructors do not survive pickle's own way of calling cls(*args).
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(NexevoError, ValueError):
    """
    An argument or a setting that cannot work; nothing was sent.

    .. versionadded:: 0.1.0
    """


class ClientClosedError(NexevoError, RuntimeError):
    """
    The client was closed before or during the call.

    .. versionadded:: 0.1.0
    """

    def __init__(self, message: str = "the client is closed", **story: Any) -> None:
        super().__init__(message, **story)


class APIConnectionError(NexevoError):
    """
    No usable answer came back.

    Attributes:
        delivery: ``"never"`` if no attempt can have reached the service, else ``"maybe"``.

    .. versionadded:: 0.1.0
    """

    def __init__(self, message: str, *, delivery: Delivery = Delivery.MAYBE, **story: Any) -> None:
        super().__init__(message, **story)
        self.delivery = delivery

    @property
    def maybe_delivered(self) -> bool:
        """Whether an attempt may have reached the service (`delivery` as a truth value)."""
        return self.delivery is not Delivery.NEVER

    def _advice(self) -> str:
        if self.delivery is not Delivery.NEVER or not self.attempts:
            return self.hint
        return "Nothing was done. Check the base URL and the network; client.endpoints.snapshot() tells what is known"

    def _facts(self) -> list[str]:
        arrived = "it never left" if self.delivery is Delivery.NEVER else "it may have been delivered"
        return [*super()._facts(), arrived]


class APITimeoutError(APIConnectionError, TimeoutError):
    """
    A time limit passed. The limit is a setting of `Timeout`, or `HealthPolicy.links_timeout`.

    Attributes:
        limit: Which one: ``total``, ``connect``, ``pool``, ``attempt``, ``first_token``,
            ``between_content`` or ``links_timeout``.
        seconds: Its length, or None if it is not known.
        partial: For a stream, the message so far; else None.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        message: str,
        *,
        limit: str = "total",
        seconds: float | None = None,
        partial: ChatCompletion | None = None,
        **story: Any,
    ) -> None:
        super().__init__(message, **story)
        self.limit = limit
        self.seconds = seconds
        self.partial = partial


class OutcomeUnknownError(APIConnectionError):
    """
    A call that makes something may have arrived, and the answer was lost. It is not repeated: that could make two.

    Attributes:
        look_at: The call that shows whether it happened, such as ``keys.list``; or None if there is none.
        idempotency_key: The key that every attempt carried.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, message: str, *, look_at: str | None = None, idempotency_key: str | None = None, **story: Any
    ) -> None:
        super().__init__(message, **story)
        self.look_at = look_at
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        where = f"look at {self.look_at}" if self.look_at else "check the account"
        return f"{super().__str__()}. Before repeating it, {where} to see whether it happened"


class APIStatusError(NexevoError):
    """
    The service answered, and the answer is no.

    Attributes:
        status: HTTP status.
        code: The service's code, such as ``invalid_api_key``, or None.
        type: The service's type of error, or None.
        param: The field the service blames, or None.
        headers: Response headers (names and values; only harmless values show in the repr).
        body: The decoded JSON body, or the text if it was not JSON, or None.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the service's own word, and a public name
        param: str | None = None,
        headers: Headers | None = None,
        body: Any = None,
        **story: Any,
    ) -> None:
        super().__init__(message, **story)
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.headers = headers
        self.body = body

    @property
    def status_code(self) -> int:
        """The same as `status`, under the name that users of other clients know."""
        return self.status

    def _facts(self) -> list[str]:
        named = f"HTTP {self.status}" + (f" {self.code or self.type}" if self.code or self.type else "")
        return [named, *super()._facts()]


class BadRequestError(APIStatusError):
    """
    The request is not valid, or no model fits under `max_price` (HTTP 400, and other 4xx without a class of their own).

    .. versionadded:: 0.1.0
    """


class AuthenticationError(APIStatusError):
    """
    The key is wrong, revoked or expired (HTTP 401).

    .. versionadded:: 0.1.0
    """

    hint = "Check the key: NEXEVO_API_KEY, or the api_key argument of the client"


class InsufficientBalanceError(APIStatusError):
    """
    The account or the key has no money left (HTTP 402).

    .. versionadded:: 0.1.0
    """

    hint = "Top up with billing.checkout, or raise the key's spend cap"


class PermissionDeniedError(APIStatusError):
    """
    The key is valid but may not do this (HTTP 403).

    .. versionadded:: 0.1.0
    """


class NotFoundError(APIStatusError):
    """
    There is no such thing, or the path is wrong (HTTP 404).

    .. versionadded:: 0.1.0
    """


class ConflictError(APIStatusError):
    """
    It contradicts the present state (HTTP 409).

    .. versionadded:: 0.1.0
    """


class UnprocessableEntityError(APIStatusError):
    """
    Well-formed but not acceptable (HTTP 422).

    .. versionadded:: 0.1.0
    """


class RateLimitError(APIStatusError):
    """
    Too many calls came before this one (HTTP 429); waiting helps.

    Attributes:
        retry_after: Seconds that the service asked us to wait, or None if it named no time.
        limits: The rate limit as the answer told it, or None.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, limits: RateLimits | None = None, **story: Any
    ) -> None:
        super().__init__(message, **story)
        self.retry_after = retry_after
        self.limits = limits

    def _facts(self) -> list[str]:
        asked = [] if self.retry_after is None else [f"asks to wait {self.retry_after:g} s"]
        return [*super()._facts(), *asked]


class QuotaExceededError(APIStatusError):
    """
    The monthly quota is used up (HTTP 429 `tenant_monthly_quota_exceeded`); waiting seconds does not help.

    .. versionadded:: 0.1.0
    """

    hint = "Waiting does not help: the quota is monthly"


class InternalServerError(APIStatusError):
    """
    The service, or a model behind it, failed (HTTP 5xx).

    .. versionadded:: 0.1.0
    """


class APIResponseValidationError(NexevoError):
    """
    A successful answer that cannot be read: a documented field is missing or has the wrong type.

    Attributes:
        problems: One line each, path and reason; never a value.
        status: HTTP status of the answer.
        headers: Response headers, or None.
        body: The decoded JSON, so that a paid answer is not lost; or the text.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[str, ...] = (),
        status: int = 200,
        headers: Headers | None = None,
        body: Any = None,
        **story: Any,
    ) -> None:
        super().__init__(message, **story)
        self.problems = problems
        self.status = status
        self.headers = headers
        self.body = body


class NotAnAPIResponseError(APIResponseValidationError):
    """
    HTML, text or nothing where JSON belongs.

    .. versionadded:: 0.1.0
    """

    hint = "The base URL is probably wrong: give the address of the API, not of a web page"


class StreamError(NexevoError):
    """
    The service reported an error inside a stream. Its `__cause__` is the error class of the code, where there is one.

    Attributes:
        partial: The message so far, or None if nothing had arrived.
        code: The service's code of the error event, or None.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, message: str, *, partial: ChatCompletion | None = None, code: str | None = None, **story: Any
    ) -> None:
        super().__init__(message, **story)
        self.partial = partial
        self.code = code


class StreamTruncatedError(StreamError):
    """
    The stream ended with neither an end marker nor a finish reason: the message is not complete.

    .. versionadded:: 0.1.0
    """

    hint = "The part that arrived is in .partial; it was probably billed"
