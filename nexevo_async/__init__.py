"""
Async client for the Nexevo AI gateway.

::

    async with AsyncNexevo() as client:
        answer = await client.chat.completions.create(
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
    from nexevo_async.client import AsyncNexevo as AsyncNexevo
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
    from nexevo_async.pagination import Pages as Pages
    from nexevo_async.streaming import ChatStream as ChatStream

    __version__: str

#: Where each public name lives.
_HOMES = {
    "APIConnectionError": "errors",
    "APIResponseValidationError": "errors",
    "APIStatusError": "errors",
    "APITimeoutError": "errors",
    "AsyncNexevo": "client",
    "AttemptStart": "hooks",
    "AuthenticationError": "errors",
    "BadRequestError": "errors",
    "BatchRow": "batch.row",
    "ChatStream": "streaming",
    "ClientClosedError": "errors",
    "ConfigurationError": "errors",
    "ConflictError": "errors",
    "Endpoint": "models.endpoints",
    "EndpointChange": "hooks",
    "EndpointStatus": "models.endpoints",
    "HealthPolicy": "_sansio.policy",
    "Hooks": "hooks",
    "InsufficientBalanceError": "errors",
    "InternalServerError": "errors",
    "NexevoError": "errors",
    "NotAnAPIResponseError": "errors",
    "NotFoundError": "errors",
    "OutcomeUnknownError": "errors",
    "Page": "pagination",
    "Pages": "pagination",
    "PermissionDeniedError": "errors",
    "QuotaExceededError": "errors",
    "RateLimitError": "errors",
    "RateLimits": "models.limits",
    "RawResponse": "_answers",
    "RetryPolicy": "_sansio.policy",
    "StreamError": "errors",
    "StreamTruncatedError": "errors",
    "Timeout": "config",
    "UnprocessableEntityError": "errors",
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

    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found  # the next look-up does not come here
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
