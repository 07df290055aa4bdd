"""Endpoints: the base URLs a client may use, and what it knows about each of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

import attrs

__all__ = ["Endpoint", "EndpointStatus"]

_EXAMPLE = "for example https://api.nexevo.ai"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _split(url: str) -> SplitResult:
    # The text is never quoted in an error: people paste keys into the wrong argument.
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here because only reading it checks it
    except ValueError:
        raise ValueError(f"the base URL cannot be read (check host and port): write it as {_EXAMPLE}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"a base URL starts with https:// or http://: write it out, {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL holds no user name or password: give the key as api_key instead")
    if "?" in url or "#" in url:
        raise ValueError("a base URL has no query and no fragment: leave out everything from the ? or # on")
    if not parts.hostname:
        raise ValueError(f"the base URL names no host: write it as {_EXAMPLE}")
    if not all(0 < len(label) < 64 for label in parts.hostname.removesuffix(".").split(".")):  # RFC 1035, 2.3.4
        raise ValueError("the host of the base URL is no name: between two dots there are 1 to 63 characters")
    return parts


def normalise_base_url(url: str) -> str:
    """
    The one spelling of a base URL by which endpoints are compared.

    Scheme and host in lower case, default port, trailing ``/`` and a trailing ``/v1`` left out: the routes bring their
    own.

    Raises:
        ValueError: No http or https scheme, no host, or credentials, a query, a fragment, white space or letters
            outside ASCII inside. The message says what to write instead and never quotes the text.
    """
    if not isinstance(url, str):
        raise ValueError(f"a base URL is text, not {type(url).__name__}: write it as {_EXAMPLE}")
    url = url.strip()
    # urlsplit drops tabs and line breaks without a word, and clients disagree about backslashes.
    if any(char.isspace() or char == "\\" or not char.isprintable() for char in url):
        raise ValueError("a base URL holds no white space, control character or backslash: check what was pasted")
    if not url.isascii():
        raise ValueError("a base URL is written in ASCII: use the xn-- form of an international host name")
    parts = _split(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{port}{path}"


def _integer(_: Endpoint, field: attrs.Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{field.name} is an integer, larger is preferred; got {type(value).__name__}")


def _source(_: Endpoint, __: attrs.Attribute[Any], value: object) -> None:
    if value not in ("configured", "discovered"):
        raise ValueError("source is 'configured' or 'discovered'")


@attrs.frozen
class Endpoint:
    """
    A base URL the service can be reached at, and how much it is preferred.

    Attributes:
        url: The base URL. A trailing ``/`` or ``/v1`` is stripped, so both spellings are the same endpoint.
        priority: Larger is preferred, strictly: a lower one is used only while no higher one is fit. The default 0
            means no opinion: when discovery lists the same address, its priority is taken.
        source: ``configured`` (never dropped) or ``discovered`` (leaves when the service no longer lists it).

    Raises:
        ValueError: The URL is not one we would send a key to (see the message), the priority is not an integer, or the
            source is neither of the two.

    .. versionadded:: 0.1.0
    """

    url: str = attrs.field(converter=normalise_base_url)
    priority: int = attrs.field(default=0, validator=_integer)
    source: Literal["configured", "discovered"] = attrs.field(default="configured", kw_only=True, validator=_source)


@attrs.frozen(kw_only=True)
class EndpointStatus:
    """
    What the client knows about one endpoint at one moment; `client.endpoints.snapshot` lists them in order of
    preference.

    Attributes:
        url: The base URL.
        priority: Larger is preferred.
        state: ``unknown``, ``healthy``, ``suspect``, ``ejected``, ``probation``, ``held`` or ``draining``.
        latency: Seconds to the first byte of reads and health checks, averaged; None before the first one.
        last_checked: When a call or a health check last told something about it (aware); None if never.
        last_error: The last failure in words, secrets removed; None if none was seen.
        source: ``configured`` or ``discovered``.
        reason: Why it is in this state, in words; empty if nothing has happened yet.
        ejected_for: Seconds until it may be tried again; None when it is not ejected.
        degraded: Whether it answers too slowly and therefore stands last among equals.

    .. versionadded:: 0.1.0
    """

    url: str
    priority: int
    state: str
    latency: float | None = None
    last_checked: datetime | None = None
    last_error: str | None = None
    source: str = "configured"
    reason: str = ""
    ejected_for: float | None = None
    degraded: bool = False
