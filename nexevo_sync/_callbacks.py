"""What users hand in and the async client calls: blocking functions run off the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from nexevo_async.config import ApiKey
from nexevo_async.errors import ConfigurationError
from nexevo_async.hooks import Hooks
from nexevo_sync._portal import Portal

if TYPE_CHECKING:
    import aiohttp


def key_off_loop(api_key: ApiKey | None) -> ApiKey | None:
    """A key as it is; a function that gives one so that it may block, and may use a blocking client."""
    return Portal.off_loop(api_key) if callable(api_key) else api_key


class _HooksOffLoop(Hooks):
    """Hooks that may block. What they do not override is left out, because a trip to a thread is not free."""

    def __init__(self, hooks: Hooks) -> None:
        for name, ours in vars(Hooks).items():
            theirs = getattr(hooks, name)
            if not name.startswith("_") and getattr(theirs, "__func__", theirs) is not ours:
                setattr(self, name, Portal.off_loop(theirs))


@overload
def hooks_off_loop(hooks: Hooks | Sequence[Hooks]) -> Hooks | Sequence[Hooks]: ...
@overload
def hooks_off_loop(hooks: Hooks | Sequence[Hooks] | None) -> Hooks | Sequence[Hooks] | None: ...
def hooks_off_loop(hooks: Hooks | Sequence[Hooks] | None) -> Hooks | Sequence[Hooks] | None:
    """The same hooks, whose plain functions may block; coroutines run on the loop as ever."""
    if isinstance(hooks, Hooks):
        return _HooksOffLoop(hooks)
    if not isinstance(hooks, Sequence):
        return hooks  # None, or a mistake that the async client explains
    return [_HooksOffLoop(hook) if isinstance(hook, Hooks) else hook for hook in hooks]


def no_foreign_session(session: aiohttp.ClientSession | None) -> aiohttp.ClientSession | None:
    """
    Refuse a session of the caller's: it belongs to the loop it was made on, which is never ours.

    Raises:
        ConfigurationError: There is one.
    """
    if session is not None:
        raise ConfigurationError(
            "session belongs to the event loop it was made on, and a blocking client has a private one: "
            "leave session out, or use AsyncNexevo"
        )
    return session
