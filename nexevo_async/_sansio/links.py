"""
Reading an answer of discovery, and deciding when to ask again. Pure.

The answer comes from a host that names others for us to send the key to: it is untrusted input. A bad entry is skipped
with a reason, an answer without a good entry is an error and never an order to forget everything.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import orjson

from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint

#: More entries than this are cut off: the least preferred go.
MOST_ENTRIES: Final = 16
#: An answer larger than this is not read.
MOST_BYTES: Final = 64 * 1024


@attrs.frozen
class Links:
    """
    What an answer of discovery came to.

    Attributes:
        endpoints: The good entries, most preferred first, at most `MOST_ENTRIES`.
        skipped: Why each bad entry was left out.
    """

    endpoints: tuple[Endpoint, ...]
    skipped: tuple[str, ...]


class BadLinks(ValueError):
    """An answer of discovery without a single good entry; the message says why, without quoting it."""


def read_links(body: bytes, *, allowed_hosts: Sequence[str] | None = None, loopback: bool = False) -> Links:
    """
    The endpoints in an answer of discovery.

    Args:
        body: The answer.
        allowed_hosts: Host names that may be taken, ``*.example.com`` for a domain and everything below; None takes
            every public host.
        loopback: Whether discovery itself is on this machine; only then may it name addresses of this machine.

    Raises:
        BadLinks: There is no good entry.
    """
    if len(body) > MOST_BYTES:
        raise BadLinks(f"the answer is larger than {MOST_BYTES} bytes")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadLinks("the answer is not JSON") from None
    if not isinstance(data, list):
        raise BadLinks("the answer is not a list")
    found: dict[str, Endpoint] = {}
    skipped: list[str] = []
    for index, entry in enumerate(data[:1000]):
        try:
            endpoint = _endpoint(entry, allowed_hosts, loopback=loopback)
        except ValueError as error:
            skipped.append(f"entry {index}: {error}")
            continue
        known = found.get(endpoint.url)
        if known is None or endpoint.priority > known.priority:
            found[endpoint.url] = endpoint
    if not found:
        raise BadLinks(f"no usable entry: {'; '.join(skipped[:3]) or 'the list is empty'}")
    best_first = sorted(found.values(), key=lambda endpoint: -endpoint.priority)
    return Links(tuple(best_first[:MOST_ENTRIES]), tuple(skipped))


def _endpoint(entry: Any, allowed_hosts: Sequence[str] | None, *, loopback: bool) -> Endpoint:
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    if entry.get("status") != "ok":
        raise ValueError("its status is not ok")
    priority = entry.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise ValueError("its priority is not a whole number")
    if not isinstance(entry.get("api"), str):
        raise ValueError("it has no address")
    endpoint = Endpoint(entry["api"], priority, source="discovered")
    _check_host(endpoint.url, allowed_hosts, loopback=loopback)
    return endpoint


def _check_host(url: str, allowed_hosts: Sequence[str] | None, *, loopback: bool) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if allowed_hosts is not None and not any(_matches(host, allowed) for allowed in allowed_hosts):
        raise ValueError("its host is not among allowed_hosts")
    if is_loopback(host):
        if loopback:
            return
        raise ValueError("it names this machine")
    if parts.scheme != "https":
        raise ValueError("it is not https")
    if parts.port not in (None, 443):
        raise ValueError("it has another port than 443")
    if parts.path:
        raise ValueError("it has a path")
    if _is_address(host) or "." not in host:
        raise ValueError("it is not a public host name")
    if host.rpartition(".")[2] in _PRIVATE_DOMAINS:
        raise ValueError("it is a host name of a private network")


#: Top-level names that never belong to a public host (RFC 2606, RFC 6761, RFC 6762, RFC 8375).
_PRIVATE_DOMAINS: Final = frozenset(
    {
        *("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private"),
        *("test", "invalid", "example", "arpa"),
    }
)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # `inet_aton` also reads 127.1, 0x7f000001 and 2130706433 as addresses; a public name ends in letters.
        return not host.rpartition(".")[2][:1].isalpha() or host.rpartition(".")[2].startswith("0x")
    return True


def _matches(host: str, allowed: str) -> bool:
    allowed = allowed.lower().rstrip(".")
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


class LinksSchedule:
    """
    When to ask discovery: once an hour, sooner when it might help, later when it fails.

    Args:
        policy: The numbers (`links_ttl`, `links_min_interval`, `links_min_interval_panic`, `links_error_base`).
        rng: Source of jitter.
        now: The moment; the first question is due at once.
    """

    def __init__(self, *, policy: HealthPolicy, rng: random.Random, now: float) -> None:
        self._policy = policy
        self._rng = rng
        self._asked = float("-inf")
        self._next = now
        self._failures = 0
        self._stopped = False

    def due(self, now: float, *, wanted: bool = False, panic: bool = False) -> bool:
        """
        Whether to ask now.

        Args:
            now: The moment.
            wanted: A fresh list could help: an endpoint has been ejected for long.
            panic: Nothing is usable.
        """
        if self._stopped:
            return False
        if now >= self._next:
            return True
        if self._failures or not (wanted or panic):
            return False
        policy = self._policy
        return now - self._asked >= (policy.links_min_interval_panic if panic else policy.links_min_interval)

    def next_in(self, now: float) -> float:
        """Seconds until it is due without being wanted; infinity if it has been stopped."""
        return float("inf") if self._stopped else max(0.0, self._next - now)

    def asked(self, now: float) -> None:
        """A question goes out."""
        self._asked = now
        self._next = float("inf")  # until the answer is there

    def answered(self, now: float) -> None:
        """A good list came."""
        self._failures = 0
        self._next = now + self._policy.links_ttl * self._rng.uniform(0.9, 1.1)

    def failed(self, now: float, *, wait: float | None = None, refused: bool = False) -> None:
        """
        No good list came.

        Args:
            now: The moment.
            wait: Seconds that the host asks for.
            refused: The key is not accepted: asking again makes no sense until it changes.
        """
        self._stopped = refused
        pause = min(self._policy.links_error_base * 2.0**self._failures, self._policy.links_ttl)
        self._failures = min(self._failures + 1, 30)
        self._next = now + max(wait or 0.0, pause * self._rng.uniform(0.5, 1.0))

    def restart(self) -> None:
        """The key has changed: ask again."""
        self._stopped = False
