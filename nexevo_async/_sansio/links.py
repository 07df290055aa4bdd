"""
Reading an answer of discovery, and deciding when to ask again. Pure.

The answer comes from a host that names others for us to send the key to: it is untrusted input. A bad entry is skipped
with a reason, an answer without a good entry is an error and never an order to forget everything.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import orjson

from nexevo_async._sansio.backoff import equal_jitter
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint

#: More entries than this are cut off: the least preferred go.
MOST_ENTRIES: Final = 16
#: An answer larger than this is not read.
MOST_BYTES: Final = 64 * 1024
_MOST_LOOKED_AT: Final = 1000


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
    for index, entry in enumerate(data[:_MOST_LOOKED_AT]):
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
    beyond = len(best_first) - MOST_ENTRIES + max(0, len(data) - _MOST_LOOKED_AT)
    if beyond > 0:
        skipped.append(f"only {MOST_ENTRIES} are taken, which leaves out {beyond}")
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
    if len(host) > 253 or not _HOST_NAME.fullmatch(host):
        raise ValueError("it is not a public host name")
    if host.rpartition(".")[2] in _PRIVATE_DOMAINS:
        raise ValueError("it is a host name of a private network")


#: Labels of RFC 1123 under a top-level name that is not all digits (RFC 3696 section 2). What `inet_aton` reads as an
#: address besides four decimal numbers (2130706433, 0x7f000001, 0177.1, 127.1) ends in a digit or a hex number, too.
_HOST_NAME: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])", re.ASCII
)
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


def _matches(host: str, allowed: str) -> bool:
    allowed = allowed.lower().rstrip(".")
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


def expired(endpoints: Iterable[Endpoint], *, age: float, policy: HealthPolicy) -> tuple[str, ...]:
    """
    URLs of a list that has grown too old to trust, as no newer one came.

    The most preferred entries last longest (`links_hard_ttl`); the service replaces its spares often
    (`links_hard_ttl_spares`).

    Args:
        endpoints: The list.
        age: Seconds since it was fetched.
        policy: The numbers.
    """
    listed = tuple(endpoints)
    top = max((endpoint.priority for endpoint in listed), default=0)
    return tuple(
        endpoint.url
        for endpoint in listed
        if age >= (policy.links_hard_ttl if endpoint.priority == top else policy.links_hard_ttl_spares)
    )


#: Questions to discovery in hand; one more is earned in `links_min_interval` and a fifth: twelve in an hour at most.
BURST: Final = 2
EARN_SHARE: Final = 1.2
#: Least time between two questions, plus up to this share of it.
_SLACK: Final = 0.05
#: However long the host asks us to wait, we look again after a day (seconds).
_LONGEST_WAIT: Final = 86_400.0


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
        self._not_before = now
        self._slack = 0.0
        self._failures = 0
        self._busy = False
        self._panicked = False
        every = policy.links_min_interval * EARN_SHARE
        self._budget = Budget(ratio=0.0, cap=BURST, per_second=1.0 / every, now=now)

    def due(self, now: float, *, wanted: bool = False, panic: bool = False) -> bool:
        """
        Whether to ask now.

        Args:
            now: The moment.
            wanted: A fresh list could help: an endpoint has been ejected for long.
            panic: Nothing is usable. Once in each panic it may be asked sooner.
        """
        self._panicked &= panic
        if self._busy or now < self._not_before:
            return False
        if now < self._next:
            if self._failures or not (wanted or panic):
                return False
            policy = self._policy
            hurry = panic and not self._panicked
            interval = policy.links_min_interval_panic if hurry else policy.links_min_interval + self._slack
            if now - self._asked < interval:
                return False
        return self._budget.in_hand(now) >= 1.0

    def next_in(self, now: float) -> float:
        """Seconds until it is due without being wanted; infinity while a question is under way."""
        if self._busy:
            return float("inf")
        at = max(self._next, self._not_before)
        short = 1.0 - self._budget.in_hand(max(now, at))
        return max(0.0, at - now, short * self._policy.links_min_interval * EARN_SHARE)

    def begin(self, *, panic: bool = False) -> None:
        """Somebody sees to it: it is not due until one of the methods below says how that ended."""
        self._busy = True
        self._panicked = panic

    def asked(self, now: float) -> None:
        """A question goes out."""
        self._busy = True
        self._asked = now
        self._slack = self._rng.uniform(0.0, _SLACK * self._policy.links_min_interval)
        self._budget.spend(now)

    def answered(self, now: float, *, age: float = 0.0) -> None:
        """
        There is a good list.

        Args:
            now: The moment.
            age: How old it is (seconds), if another process has fetched it. Then nobody asks before its time is over,
                so that many processes ask no more often than one.
        """
        self._busy = False
        self._failures = 0
        least = 0.9 if age == 0.0 else 1.0
        self._asked = max(self._asked, now - age)
        self._next = now - age + self._policy.links_ttl * self._rng.uniform(least, 1.1)

    def failed(self, now: float, *, wait: float | None = None) -> float:
        """
        No good list came; gives the seconds until we ask again.

        Args:
            now: The moment.
            wait: Seconds that the host asks for.
        """
        self._busy = False
        pause = equal_jitter(
            self._failures, base=self._policy.links_error_base, cap=self._policy.links_ttl, rng=self._rng
        )
        self._failures += 1
        pause = max(min(wait or 0.0, _LONGEST_WAIT), pause)
        self._next = self._not_before = now + pause
        return pause

    def postponed(self, now: float, seconds: float) -> None:
        """Nobody was asked after all: look again in so many seconds."""
        self._busy = False
        self._not_before = now + seconds
