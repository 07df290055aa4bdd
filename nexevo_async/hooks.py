"""Hooks: see, and for headers change, what every attempt does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import attrs

from nexevo_async._messages import Attempt
from nexevo_async._sansio.endpoint_state import EndpointChange

__all__ = ["AttemptStart", "EndpointChange", "Hooks"]


@attrs.define(kw_only=True)
class AttemptStart:
    """
    An attempt that is about to be sent.

    Attributes:
        call: Name of the call, such as ``chat.completions.create``.
        number: Which attempt of the call it is, from 1.
        base_url: The endpoint it goes to.
        method: HTTP method.
        path: Path below the base URL, without the query.
        idempotency_key: The key of the call, the same on every attempt; None for reads.
        headers: Headers to add to this attempt; a hook may change them (trace propagation, for example). Empty at
            first; the API key is never in here.

    .. versionadded:: 0.1.0
    """

    call: str
    number: int
    base_url: str
    method: str
    path: str
    idempotency_key: str | None
    headers: dict[str, str]


class Hooks:
    """
    Base class for hooks: override what you need; the methods may be coroutines.

    Hooks run inside the call. One that raises ends the call with its exception, so that a policy written as a hook
    cannot be overlooked; one that is slow makes the call slow. A client looks once, when it is made, which of the
    methods are overridden, and never calls the others.

    .. versionadded:: 0.1.0
    """

    def before_attempt(self, attempt: AttemptStart) -> Awaitable[None] | None:
        """An attempt is about to be sent; its `headers` may be changed."""

    def after_attempt(self, call: str, attempt: Attempt) -> Awaitable[None] | None:
        """An attempt has ended, well or badly; for a stream: its head has arrived."""

    def on_endpoint_change(self, change: EndpointChange) -> Awaitable[None] | None:
        """An endpoint changed its state; told once for each change, whoever noticed it."""


def own_methods(hooks: Iterable[Hooks], name: str) -> tuple[Callable[..., Awaitable[None] | None], ...]:
    """The methods of this name that somebody has written: those of the base class need not be called."""
    methods: list[Any] = [getattr(hook, name) for hook in hooks]
    return tuple(each for each in methods if getattr(each, "__func__", None) is not getattr(Hooks, name))
