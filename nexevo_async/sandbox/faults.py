"""Scripted faults: which one hits a request, decided from counters, a seeded chance and a clock given as a number."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs

from nexevo_async.sandbox.journal import BaseIndex

#: When a fault acts: on the listening socket, instead of the handler, or on the answer that the handler made.
Stage = Literal["socket", "instead", "answer"]


@attrs.frozen
class Kind:
    """
    What a kind of fault is.

    Attributes:
        stage: When it acts.
        options: Its own options with their defaults.
        streams_only: Whether it hits only requests that ask for a stream.
        route: The route it is meant for, when the caller names none.
    """

    stage: Stage
    options: Mapping[str, Any] = attrs.field(factory=dict)
    streams_only: bool = False
    route: str | None = None


_EXECUTE = {"execute": False}
_CUT = {"after": 2, "after_bytes": None}

#: Every kind there is. `Sandbox.fault` explains them to users.
KINDS: Mapping[str, Kind] = {
    "refuse": Kind("socket"),
    "hang": Kind("instead", _EXECUTE),
    "reset": Kind("instead", _EXECUTE),
    "close": Kind("instead", _EXECUTE),
    "status": Kind("instead", {"status": 500, "body": None, "headers": None, **_EXECUTE}),
    "html": Kind("instead", {"status": 200, "body": None}),
    "redirect": Kind("instead", {"status": 307, "location": None}),
    "unhealthy": Kind("instead", {"text": "unhealthy", "status": 200}, route="endpoints.health"),
    "headers_then_hang": Kind("answer"),
    "reset_mid": Kind("answer"),
    "slow": Kind("answer", {"delay": 1.0}),
    "trickle": Kind("answer", {"delay": 0.01}),
    "cut_json": Kind("answer"),
    "stream_cut": Kind("answer", _CUT, streams_only=True),
    "stream_reset": Kind("answer", _CUT, streams_only=True),
    "stream_stall": Kind("answer", {**_CUT, "comments": False, "delay": 0.05}, streams_only=True),
    "stream_error": Kind(
        "answer",
        {
            **_CUT,
            "code": "upstream_error",
            "message": "The upstream failed in the middle.",
            "type": None,
            "done": False,
        },
        streams_only=True,
    ),
}


@attrs.define(eq=False, kw_only=True)
class Fault:
    """
    A fault in force, or one that has ended.

    Attributes:
        id: Its number, by which the control route knows it.
        base: The base it is for, ``"discovery"``, or None for all.
        kind: What happens.
        route: The route it is for; None for every route.
        count: How many requests it hits before it ends; None for no end.
        probability: How likely a fitting request is hit, 0 to 1; None is always.
        seconds: How long it lasts; None is until it is cleared.
        options: What this kind can be told, defaults filled in.
        hits: How many requests it has hit.
        ends_at: When it ends, on the clock of the board; None for never.
        active: Whether it is still in force.

    .. versionadded:: 0.1.0
    """

    id: int
    base: BaseIndex | None
    kind: str
    route: str | None
    count: int | None
    probability: float | None
    seconds: float | None
    options: Mapping[str, Any]
    ends_at: float | None = attrs.field(repr=False)
    _clear: Callable[[Fault], None] = attrs.field(repr=False, alias="clear")
    hits: int = 0
    active: bool = True

    def clear(self) -> None:
        """End it now. Answers it holds back stay held back until their client leaves. Clearing twice does nothing."""
        self._clear(self)

    @property
    def closes_socket(self) -> bool:
        """Whether it takes the whole base off the network instead of picking requests."""
        unscoped = self.route is None and self.count is None and self.probability is None
        return self.kind == "refuse" and unscoped

    @property
    def stage(self) -> Stage:
        """When it acts; one that was told to execute lets the handler run first."""
        return "answer" if self.options.get("execute") else KINDS[self.kind].stage

    def covers(self, base: BaseIndex) -> bool:
        """Whether it is for this base."""
        return self.base is None or self.base == base

    def to_dict(self) -> dict[str, Any]:
        """The fault as JSON-ready values."""
        names = ("id", "base", "kind", "route", "count", "probability", "seconds", "hits", "active")
        return {**{name: getattr(self, name) for name in names}, "options": dict(self.options)}


class FaultBoard:
    """
    All faults in force. The oldest that fits a request wins, so a script is written by adding faults in its order.

    Args:
        seed: Makes `probability` repeatable.
        on_change: Called after a fault began or ended.
    """

    def __init__(self, *, seed: int, on_change: Callable[[], None]) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._on_change = on_change
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(
        self,
        base: BaseIndex | None,
        kind: str,
        *,
        now: float,
        clear: Callable[[Fault], None],
        route: str | None = None,
        count: int | None = None,
        probability: float | None = None,
        seconds: float | None = None,
        **options: Any,
    ) -> Fault:
        """
        Put a fault into force.

        Raises:
            ValueError: Unknown kind or option, or a scope that cannot be.
        """
        if kind not in KINDS:
            raise ValueError(f"unknown fault kind {kind!r}; there are: {', '.join(KINDS)}")
        _check_scope(count, probability, seconds)
        known = KINDS[kind].options
        if unknown := options.keys() - known.keys():
            takes = ", ".join(known) or "no options"
            raise ValueError(f"fault {kind!r} does not know {', '.join(sorted(unknown))}; it takes {takes}")
        _check_options(options)
        fault = Fault(
            id=next(self._ids),
            base=base,
            kind=kind,
            route=route or KINDS[kind].route,
            count=count,
            probability=probability,
            seconds=seconds,
            options={**known, **options},
            ends_at=None if seconds is None else now + seconds,
            clear=clear,
        )
        self._faults.append(fault)
        self._on_change()
        return fault

    def end(self, fault: Fault) -> None:
        """Take a fault out of force; nothing happens if it already ended."""
        if fault.active:
            fault.active = False
            self._faults.remove(fault)
            self._on_change()

    def end_all(self) -> None:
        """Take every fault out of force."""
        for fault in list(self._faults):
            self.end(fault)

    def sweep(self, now: float) -> None:
        """End the faults whose time is up."""
        for fault in [fault for fault in self._faults if fault.ends_at is not None and fault.ends_at <= now]:
            self.end(fault)

    def hit(self, base: BaseIndex, route: str | None, *, streaming: Callable[[], bool], now: float) -> Fault | None:
        """
        The fault that hits a request, counted; None if the request goes free.

        Args:
            base: The base it reached.
            route: Its route; None for an unknown path.
            streaming: Tells whether it asks for a stream; called only when a fault wants to know.
            now: The moment, on the clock that `add` was given.
        """
        if not self._faults:
            return None
        self.sweep(now)
        for fault in self._faults:
            if fault.closes_socket or not fault.covers(base) or fault.route not in (None, route):
                continue
            if KINDS[fault.kind].streams_only and not streaming():
                continue
            if fault.probability is not None and self._chance.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.count is not None and fault.hits >= fault.count:
                self.end(fault)
            return fault
        return None


def _check_scope(count: int | None, probability: float | None, seconds: float | None) -> None:
    if count is not None and (not isinstance(count, int) or count < 1):
        raise ValueError(f"count must be at least 1, or None for no end; got {count}")
    if probability is not None and not (_is_number(probability) and 0 <= probability <= 1):
        raise ValueError(f"probability must be between 0 and 1; got {probability}")
    if seconds is not None and not (_is_number(seconds) and seconds > 0):
        raise ValueError(f"seconds must be more than 0, or None for no end; got {seconds}")


def _check_options(options: Mapping[str, Any]) -> None:
    """Say now what would otherwise break in the middle of a request, far from the line that is wrong."""
    status, headers = options.get("status", 200), options.get("headers")
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise ValueError(f"status must be a whole number from 200 to 999; got {status!r}")
    if headers is not None and not (
        isinstance(headers, Mapping) and all(map(_is_line, itertools.chain(*headers.items())))
    ):
        raise ValueError("headers must be a mapping of names to numbers or text without line breaks")
    for name in ("delay", "after", "after_bytes"):
        number = options.get(name)
        if number is not None and not (_is_number(number) and number >= 0):
            raise ValueError(f"{name} must be a number of 0 or more; got {number!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_line(value: object) -> bool:
    return isinstance(value, int | float | str) and str(value).isprintable()
