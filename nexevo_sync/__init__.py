# Written by tools/generate_sync.py from nexevo_async/__init__.py; change that, and run: make generate
"""
Blocking client for the Nexevo AI gateway.

::

    with Nexevo() as client:
        answer = client.chat.completions.create(
            model="nexevo/balanced", messages=[{"role": "user", "content": "Hello!"}]
        )
        print(answer.choices[0].message.content)

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexevo_async._answers import RawResponse as RawResponse
    from nexevo_async._sansio.policy import HealthPolicy as HealthPolicy
    from nexevo_async._sansio.policy import RetryPolicy as RetryPolicy
    from nexevo_async.batch.row import BatchRow as BatchRow
    from nexevo_async.config import Timeout as Timeout
    from nexevo_async.errors import APIConnectionError as APIConnectionError
    from nexevo_async.errors import APIResponseValidationError as APIResponseValidationError
    from nexevo_async.errors import APIStatusError as APIStatusError
    from nexevo_async.errors import APITimeoutError as APITimeoutError
    from nexevo_async.errors import AuthenticationError as AuthenticationError
    from nexevo_async.errors import BadRequestError as BadRequestError
    from nexevo_async.errors import ClientClosedError as ClientClosedError
    from nexevo_async.errors import ConfigurationError as ConfigurationError
    from nexevo_async.errors import ConflictError as ConflictError
    from nexevo_async.errors import InsufficientBalanceError as InsufficientBalanceError
    from nexevo_async.errors import InternalServerError as InternalServerError
    from nexevo_async.errors import NexevoError as NexevoError
    from nexevo_async.errors import NotAnAPIResponseError as NotAnAPIResponseError
    from nexevo_async.errors import NotFoundError as NotFoundError
    from nexevo_async.errors import OutcomeUnknownError as OutcomeUnknownError
    from nexevo_async.errors import PermissionDeniedError as PermissionDeniedError
    from nexevo_async.errors import QuotaExceededError as QuotaExceededError
    from nexevo_async.errors import RateLimitError as RateLimitError
    from nexevo_async.errors import StreamError as StreamError
    from nexevo_async.errors import StreamTruncatedError as StreamTruncatedError
    from nexevo_async.errors import UnprocessableEntityError as UnprocessableEntityError
    from nexevo_async.hooks import AttemptStart as AttemptStart
    from nexevo_async.hooks import EndpointChange as EndpointChange
    from nexevo_async.hooks import Hooks as Hooks
    from nexevo_async.models.endpoints import Endpoint as Endpoint
    from nexevo_async.models.endpoints import EndpointStatus as EndpointStatus
    from nexevo_async.models.limits import RateLimits as RateLimits
    from nexevo_async.pagination import Page as Page
    from nexevo_sync.client import Nexevo as Nexevo
    from nexevo_sync.pagination import Pages as Pages
    from nexevo_sync.streaming import ChatStream as ChatStream

    __version__: str
#: Where each public name lives; models, errors and settings are the async package's own.
_HOMES = {
    "APIConnectionError": "nexevo_async.errors",
    "APIResponseValidationError": "nexevo_async.errors",
    "APIStatusError": "nexevo_async.errors",
    "APITimeoutError": "nexevo_async.errors",
    "AttemptStart": "nexevo_async.hooks",
    "AuthenticationError": "nexevo_async.errors",
    "BadRequestError": "nexevo_async.errors",
    "BatchRow": "nexevo_async.batch.row",
    "ChatStream": "nexevo_sync.streaming",
    "ClientClosedError": "nexevo_async.errors",
    "ConfigurationError": "nexevo_async.errors",
    "ConflictError": "nexevo_async.errors",
    "Endpoint": "nexevo_async.models.endpoints",
    "EndpointChange": "nexevo_async.hooks",
    "EndpointStatus": "nexevo_async.models.endpoints",
    "HealthPolicy": "nexevo_async._sansio.policy",
    "Hooks": "nexevo_async.hooks",
    "InsufficientBalanceError": "nexevo_async.errors",
    "InternalServerError": "nexevo_async.errors",
    "Nexevo": "nexevo_sync.client",
    "NexevoError": "nexevo_async.errors",
    "NotAnAPIResponseError": "nexevo_async.errors",
    "NotFoundError": "nexevo_async.errors",
    "OutcomeUnknownError": "nexevo_async.errors",
    "Page": "nexevo_async.pagination",
    "Pages": "nexevo_sync.pagination",
    "PermissionDeniedError": "nexevo_async.errors",
    "QuotaExceededError": "nexevo_async.errors",
    "RateLimitError": "nexevo_async.errors",
    "RateLimits": "nexevo_async.models.limits",
    "RawResponse": "nexevo_async._answers",
    "RetryPolicy": "nexevo_async._sansio.policy",
    "StreamError": "nexevo_async.errors",
    "StreamTruncatedError": "nexevo_async.errors",
    "Timeout": "nexevo_async.config",
    "UnprocessableEntityError": "nexevo_async.errors",
}
__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from nexevo_async._version import version

        return version()
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(home), name)
    globals()[name] = found  # the next look-up does not come here
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
