"""Values that travel: what we ask, what came back, and how an attempt can end. No behaviour beyond reading them."""

from __future__ import annotations

import enum
from typing import Final

import attrs

from nexevo_async._headers import Headers as Headers
from nexevo_async._redaction import redact_query, redact_text

#: The name of a call to a path that is not in the route table (`client.request`): its answer may be anything.
FREE_REQUEST: Final = "request"


class Safety(enum.Enum):
    """What happens if a request arrives twice (`contract.md` section 6)."""

    SAFE = "safe"  # reading; may be repeated freely
    IDEMPOTENT = "idempotent"  # repeating leaves the same state
    KEYED = "keyed"  # the server recognises the repeat by an idempotency key
    BILLABLE = "billable"  # repeating costs tokens but changes nothing
    UNSAFE = "unsafe"  # repeating makes a second thing


class Delivery(enum.StrEnum):
    """Whether a request that got no usable answer may have reached the service; members equal their text."""

    NEVER = "never"
    MAYBE = "maybe"


class FailureKind(enum.Enum):
    """How an attempt can break without an answer; the value is the phrase that errors and logs use."""

    POOL = "no free connection"
    NO_KEY = "the API key did not come in time"
    DNS = "name lookup failed"
    REFUSED = "connection refused"
    CONNECT_TIMEOUT = "connect timeout"
    CONNECT = "connection failed"
    CERTIFICATE = "certificate not accepted"
    TLS = "TLS handshake failed"
    PROXY = "proxy failed"
    STALE = "reused connection was closed by the server"
    RESET = "connection lost before an answer"
    SILENT = "no answer in time"
    BROKEN = "answer broke off"
    MALFORMED = "answer was not valid HTTP"
    TOO_LARGE = "answer was larger than allowed"

    @property
    def delivery(self) -> Delivery:
        """NEVER for everything that fails before the request can leave; MAYBE for the rest."""
        return Delivery.NEVER if self in _NEVER_LEFT else Delivery.MAYBE


_NEVER_LEFT = frozenset(
    {
        FailureKind.POOL,
        FailureKind.NO_KEY,
        FailureKind.DNS,
        FailureKind.REFUSED,
        FailureKind.CONNECT_TIMEOUT,
        FailureKind.CONNECT,
        FailureKind.CERTIFICATE,
        FailureKind.TLS,
        FailureKind.PROXY,
    }
)


@attrs.define(slots=True)
class Request:
    """
    What we want, with no endpoint chosen and no credential inside.

    Attributes:
        name: The route's name, such as ``chat.completions.create``; ``request`` for `client.request`.
        method: HTTP method, upper case.
        path: Path below the base URL, ids already percent-encoded.
        safety: What happens if it arrives twice.
        query: Name and value pairs, in order.
        body: The JSON text as bytes, or None.
        headers: Extra headers of this call, without the credential.
        auth: Whether the API key goes along.
        idempotency_key: Sent with every attempt of a call that is not a read; None for reads.
        stream: Whether the answer is wanted as an open stream.
        look_at: The call that shows whether an unsafe request happened, or None.
        shape: What distinguishes requests for the rule about 500s (the model of a chat, else the route).
    """

    name: str
    method: str
    path: str
    safety: Safety
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=redact_query)
    body: bytes | None = attrs.field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    auth: bool = True
    idempotency_key: str | None = None
    stream: bool = False
    look_at: str | None = None
    shape: str = ""


@attrs.frozen(kw_only=True)
class Attempt:
    """
    One try of a call on one endpoint, as kept for the error and the log.

    Attributes:
        base_url: The endpoint that was tried.
        status: HTTP status of the answer, or None if there was none.
        problem: What went wrong, in a few words; empty for an answer that was accepted.
        delivered: Whether the request may have arrived there.
        seconds: How long the attempt took.
        trace_id: The service's id of the attempt, or None if no answer came.
    """

    base_url: str
    status: int | None = None
    problem: str = ""
    delivered: Delivery = Delivery.MAYBE
    seconds: float = 0.0
    trace_id: str | None = attrs.field(default=None, repr=redact_text)  # a header: text from outside


@attrs.define(slots=True)
class Response:
    """
    An answer that arrived whole.

    Attributes:
        status: HTTP status.
        headers: Response headers.
        body: The bytes of the body, decompressed.
        url: Address it came from, without the query.
    """

    status: int
    headers: Headers
    body: bytes = attrs.field(repr=False)
    url: str


class AttemptFailed(Exception):
    """
    One attempt ended without an answer.

    Attributes:
        kind: How.
        detail: A few words more, without secrets.
        reused: Whether it was on a connection that had served before.
        limit: Name of the time limit that passed, or None.
        late: The event loop itself was late, so that a time limit that passed says nothing about the endpoint.
    """

    def __init__(
        self, kind: FailureKind, detail: str = "", *, reused: bool = False, limit: str | None = None, late: bool = False
    ) -> None:
        super().__init__(kind.value, detail)
        self.kind = kind
        self.detail = detail
        self.reused = reused
        self.limit = limit
        self.late = late
