"""Settings of a client: time limits, where they come from, and what is refused."""

from __future__ import annotations

import os
import ssl as _ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from nexevo_async._redaction import shown
from nexevo_async._validation import is_number, whole
from nexevo_async.errors import ConfigurationError
from nexevo_async.models.endpoints import Endpoint

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

#: A key, or a function (sync or async) that returns the present one; it is asked before every attempt.
ApiKey = str | Callable[[], "str | Awaitable[str]"]

NEXEVO_BASE_URL = "https://api.nexevo.ai"
CLOSEAI_BASE_URL = "https://api.openai-proxy.org"
CLOSEAI_DISCOVERY_URL = "https://api.shadowai.xyz"


def _seconds(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not is_number(value) or value <= 0:
        raise ConfigurationError(
            f"timeout.{field.name} must be a number of seconds above 0, or None; got {shown(value)}"
        )


@attrs.frozen(kw_only=True)
class Timeout:
    """
    How long a call may take; all in seconds, None for no such limit.

    A plain number where a `Timeout` is expected sets `total` and leaves the others as they are. A limit of 10 s or more
    may pass up to a second late, because thousands of calls share its timer.

    Attributes:
        total: The deadline of the whole call: waiting for a connection, every attempt, the waits between them, and
            for a stream its last byte. Default 600.
        connect: Connecting to one endpoint, TLS included. None, the default, takes `HealthPolicy.connect_timeout`: 1 s
            while another endpoint can be used, 5 s for the last one.
        pool: Waiting for a free connection when `max_connections` are busy. Default None: until the deadline.
        attempt: The answer of one attempt that may be repeated freely (reads, updates, deletions). Default 30. Paid
            and unsafe calls are never cut short by it: they would be paid, or done, twice.
        first_token: From sending to the first chunk of a stream. Default None: until the deadline, because reasoning
            models think long.
        between_content: Between two chunks of a stream; comment lines that only keep the connection alive do not
            count. Default 120.

    Raises:
        ConfigurationError: A limit is zero, negative, not finite or not a number.

    .. versionadded:: 0.1.0
    """

    total: float | None = attrs.field(default=600.0, validator=_seconds)
    connect: float | None = attrs.field(default=None, validator=_seconds)
    pool: float | None = attrs.field(default=None, validator=_seconds)
    attempt: float | None = attrs.field(default=30.0, validator=_seconds)
    first_token: float | None = attrs.field(default=None, validator=_seconds)
    between_content: float | None = attrs.field(default=120.0, validator=_seconds)

    @classmethod
    def of(cls, value: Timeout | float | None, default: Timeout) -> Timeout:
        """The limits that an argument stands for; None stands for the default."""
        if value is None or value is default:
            return default
        return value if isinstance(value, Timeout) else attrs.evolve(default, total=value)


DEFAULT_TIMEOUT = Timeout()
NO_TIMEOUT = Timeout(total=None)


@attrs.frozen(kw_only=True)
class Connections:
    """What the HTTP side needs to know; see the arguments of `AsyncNexevo` of the same names."""

    max_connections: int | None = None
    proxy: str | None = attrs.field(default=None, repr=False)  # may hold credentials
    ssl: _ssl.SSLContext | bool = True
    session: aiohttp.ClientSession | None = None

    def __attrs_post_init__(self) -> None:
        if self.max_connections is not None:
            whole("max_connections", self.max_connections)
        if self.proxy is not None and not (
            isinstance(self.proxy, str) and self.proxy.startswith(("http://", "https://"))
        ):
            raise ConfigurationError("proxy must be the URL of an HTTP proxy, beginning with http:// or https://")
        if not isinstance(self.ssl, bool | _ssl.SSLContext):
            raise ConfigurationError(f"ssl must be an ssl.SSLContext, True or False; got {type(self.ssl).__name__}")
        if self.session is not None and not hasattr(self.session, "request"):
            raise ConfigurationError(f"session must be an aiohttp.ClientSession; got {type(self.session).__name__}")
        # It would go along with calls that are made without the key: health checks, login.
        if "Authorization" in getattr(self.session, "headers", ()) or getattr(self.session, "auth", None) is not None:
            raise ConfigurationError(
                "the session brings an Authorization header: leave it out, and give api_key instead"
            )


def key_from_environment(environment: Mapping[str, str] = os.environ) -> str | None:
    """`NEXEVO_API_KEY` without surrounding white space; None if it is not set or empty."""
    return environment.get("NEXEVO_API_KEY", "").strip() or None


def endpoints_from(
    base_url: str | Endpoint | None,
    base_urls: Sequence[str | Endpoint] | None,
    environment: Mapping[str, str] = os.environ,
    default: str = NEXEVO_BASE_URL,
) -> tuple[Endpoint, ...]:
    """
    The endpoints a client starts with: arguments, else `NEXEVO_BASE_URLS` or `NEXEVO_BASE_URL`, else the service's own.

    Several plain strings get descending priorities in the order they are given: the first is preferred. A single one
    gets 0, which is no opinion: discovery may rank it.

    Raises:
        ConfigurationError: Both arguments are given, the list is empty, or a base URL cannot be one.
    """
    if base_url is not None and base_urls is not None:
        raise ConfigurationError("give base_url or base_urls, not both")
    given: Sequence[str | Endpoint]
    if base_url is not None:
        given = (base_url,)
    elif base_urls is not None:
        if isinstance(base_urls, str | bytes | Mapping) or not isinstance(base_urls, Iterable):
            raise ConfigurationError("base_urls takes a list; for a single address use base_url")
        given = tuple(base_urls)
    else:
        listed = environment.get("NEXEVO_BASE_URLS", "").replace(",", " ").split()
        given = listed or (environment.get("NEXEVO_BASE_URL", "").strip() or default,)
    if not given:
        raise ConfigurationError("base_urls is empty: give at least one base URL")
    ranks = range(len(given), 0, -1) if len(given) > 1 else (0,)
    return _distinct([as_endpoint(item, priority=rank) for item, rank in zip(given, ranks, strict=True)])


def as_endpoint(value: str | Endpoint, *, priority: int = 0) -> Endpoint:
    """An endpoint from a base URL; errors become ours."""
    if isinstance(value, Endpoint):
        return value
    try:
        return Endpoint(value, priority)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(str(error)) from None


def _distinct(endpoints: list[Endpoint]) -> tuple[Endpoint, ...]:
    kept: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        kept.setdefault(endpoint.url, endpoint)
    return tuple(kept.values())


def checked_key(key: object) -> str:
    """
    A key that can travel in a header.

    Raises:
        ConfigurationError: It is not text, is empty, or holds characters that a header cannot carry. The message
            never shows it.
    """
    if not isinstance(key, str):
        raise ConfigurationError(f"the API key must be text; got {type(key).__name__}")
    if not key.strip():
        raise ConfigurationError("the API key is empty")
    if " " in key or not key.isascii() or not key.isprintable():
        raise ConfigurationError("the API key holds white space, line breaks or non-ASCII characters; copy it again")
    return key


def discovery_from(url: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """
    The discovery host: the argument, else `NEXEVO_DISCOVERY_URL`, else None.

    Raises:
        ConfigurationError: It cannot be a base URL.
    """
    text = url if url is not None else environment.get("NEXEVO_DISCOVERY_URL", "").strip()
    return as_endpoint(text).url if text else None


def positive(field: str, value: float | None) -> Any:
    """
    A number above zero, or None.

    Raises:
        ConfigurationError: It is anything else.
    """
    if value is None:
        return None
    if not is_number(value) or value <= 0:
        raise ConfigurationError(f"{field} must be a number above 0, or None; got {shown(value)}")
    return value


def policy(field: str, value: T | None, default: T) -> T:
    """
    A policy, or the default for None.

    Raises:
        ConfigurationError: It is something else, such as the number that was meant for one of its fields.
    """
    if value is None:
        return default
    if not isinstance(value, type(default)):
        kind = type(default).__name__
        raise ConfigurationError(f"{field} must be a {kind}, such as {kind}(); got {type(value).__name__}")
    return value
