"""The client: puts everything together once. `AsyncNexevo` is what users make."""

from __future__ import annotations

import asyncio
import ssl as _ssl
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, cast

import attrs

from nexevo_async import _validation
from nexevo_async._assembly import make_core
from nexevo_async._core import Core, Settings
from nexevo_async._credentials import Credentials
from nexevo_async._logging import configure_from_environment
from nexevo_async._requests import free_request
from nexevo_async._routes import RouteTable
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async._transport import Transport
from nexevo_async.config import (
    CLOSEAI_BASE_URL,
    CLOSEAI_DISCOVERY_URL,
    DEFAULT_TIMEOUT,
    ApiKey,
    Connections,
    Timeout,
    discovery_from,
    endpoints_from,
    key_from_environment,
    policy,
    positive,
)
from nexevo_async.errors import ConfigurationError
from nexevo_async.hooks import Hooks

if TYPE_CHECKING:
    import aiohttp

    from nexevo_async.batch.resource import Batch
    from nexevo_async.models.endpoints import Endpoint
    from nexevo_async.raw import RawAsyncNexevo
    from nexevo_async.resources.auth import Auth
    from nexevo_async.resources.billing import Billing
    from nexevo_async.resources.chat import Chat
    from nexevo_async.resources.conversations import Conversations
    from nexevo_async.resources.embeddings import Embeddings
    from nexevo_async.resources.endpoints import Endpoints
    from nexevo_async.resources.feedback import FeedbackResource
    from nexevo_async.resources.keys import Keys
    from nexevo_async.resources.models import Models
    from nexevo_async.resources.organizations import Organizations
    from nexevo_async.resources.sub_accounts import SubAccounts

T = TypeVar("T")


class AsyncNexevo:
    """
    Client of a Nexevo gateway.

    Making one does no I/O and needs no running event loop; connections are opened on first use, one pool for each
    process and loop. One client serves a whole application: thousands of calls at once, any number of tasks.

    Args:
        api_key: The key, or a function (sync or async) that returns the present one and is asked before every
            attempt. None, the default, takes `NEXEVO_API_KEY`. Without a key only calls that need none work.
        base_url: The base URL; None, the default, takes `NEXEVO_BASE_URLS` or `NEXEVO_BASE_URL`, else the service's.
        base_urls: Several, most preferred first, or `Endpoint`s with priorities of their own. Not with `base_url`.
        discovery_url: A host that is asked for base URLs (`/api/v1/links`). **It receives the key.** None, the
            default, takes `NEXEVO_DISCOVERY_URL`; without that, there is no discovery.
        allowed_hosts: Hosts that discovery may name, ``*.example.com`` for a whole domain; None allows every public
            host that proves healthy without the key first.
        timeout: Seconds for a whole call, or a `Timeout`. None, the default, means 600 s in all; see `Timeout`.
        max_retries: How often a call is sent again, 0 for never. None, the default, means 2.
        retry: All numbers of repeating (`RetryPolicy`); `max_retries` wins over its `max_attempts`.
        health: All numbers of judging and probing base URLs (`HealthPolicy`).
        rate_limit: Most calls started in a minute; further ones wait. None, the default, for no limit of our own.
        max_connections: Most connections at once, per event loop. None, the default, means half of the files that the
            process may open, at most 10,000.
        headers: Sent with every call; an Authorization header only with those that the key goes along with.
        proxy: URL of an HTTP proxy; None, the default, takes what the environment says (`HTTPS_PROXY` and so on).
        ssl: An `ssl.SSLContext`, or True for the usual checks. False turns certificate checks off: never in production.
        session: Your own `aiohttp.ClientSession`, without an Authorization header; used as it is and never closed.
        route_overrides: Replaces lines of the route table: ``{"keys.create": "POST /v1/api-keys"}``.
        hooks: `Hooks` that see every attempt, called in order.

    Raises:
        ConfigurationError: An argument cannot work; nothing was sent.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | Endpoint | None = None,
        base_urls: Sequence[str | Endpoint] | None = None,
        discovery_url: str | None = None,
        allowed_hosts: Sequence[str] | None = None,
        timeout: Timeout | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        health: HealthPolicy | None = None,
        rate_limit: float | None = None,
        max_connections: int | None = None,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        ssl: _ssl.SSLContext | bool = True,
        session: aiohttp.ClientSession | None = None,
        route_overrides: Mapping[str, str] | None = None,
        hooks: Hooks | Sequence[Hooks] = (),
    ) -> None:
        configure_from_environment()
        endpoints = endpoints_from(base_url, base_urls)
        connections = Connections(max_connections=max_connections, proxy=proxy, ssl=ssl, session=session)
        settings = Settings(
            credentials=Credentials(api_key if api_key is not None else key_from_environment()),
            timeout=Timeout.of(timeout, DEFAULT_TIMEOUT),
            retry=_retries(policy("retry", retry, RetryPolicy()), max_retries),
            headers=tuple(_validation.headers("headers", headers or {}).items()),
            hooks=_hooks(hooks),
        )
        core = make_core(
            endpoints,
            connections,
            settings,
            health=policy("health", health, HealthPolicy()),
            rate_limit=positive("rate_limit", rate_limit),
            routes=RouteTable(route_overrides),
            discovery_url=discovery_from(discovery_url),
            allowed_hosts=None if allowed_hosts is None else _validation.texts("allowed_hosts", allowed_hosts),
        )
        self._own = True
        self._transport = Transport(core, settings)

    @classmethod
    def closeai(cls, api_key: ApiKey | None = None, *, discovery: bool = False, **arguments: Any) -> Self:
        """
        A client with CloseAI's hosts.

        Args:
            api_key: As for the class.
            discovery: Whether CloseAI's discovery host, which is another domain, may be asked for further base URLs;
                it receives the key. Off by default.
            arguments: Any other argument of the class.
        """
        if "base_urls" not in arguments:
            arguments.setdefault("base_url", CLOSEAI_BASE_URL)
        if discovery:
            arguments.setdefault("discovery_url", CLOSEAI_DISCOVERY_URL)
        return cls(api_key, **arguments)

    def _view(self, settings: Settings) -> Self:
        return self._over(Transport(self._transport.core, settings))

    @classmethod
    def _over(cls, transport: Transport) -> Self:
        """A view: a client over a transport that has its core from another one."""
        view = object.__new__(cls)
        view._own = False
        view._transport = transport
        return view

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        timeout: Timeout | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        hooks: Hooks | Sequence[Hooks] | None = None,
    ) -> Self:
        """
        A view with other settings on the same connections and the same knowledge of the endpoints. Cheap.

        None leaves a setting as it is; `headers` are added to those there are. Closing a view does nothing: the client
        it came from stays open.

        Raises:
            ConfigurationError: An argument cannot work.
        """
        old = self._transport.settings
        return self._view(
            attrs.evolve(
                old,
                credentials=old.credentials if api_key is None else Credentials(api_key),
                timeout=Timeout.of(timeout, old.timeout),
                retry=_retries(policy("retry", retry, old.retry), max_retries),
                headers=(*old.headers, *_validation.headers("headers", headers or {}).items()),
                hooks=old.hooks if hooks is None else _hooks(hooks),
            )
        )

    @property
    def with_raw_response(self) -> RawAsyncNexevo:
        """
        The same methods, giving a `RawResponse` (status, headers, bytes, and `parse()` for the usual result).

        Lists give their first answer, and `pages()` all of them. Streams come as streams, with their `headers`.
        """
        return cast("RawAsyncNexevo", self._view(attrs.evolve(self._transport.settings, raw=True)))

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        into: type[T] | None = None,
        timeout: Timeout | float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> T:
        """
        Call any path with the same failover, retries and errors as the methods have.

        Args:
            method: GET, POST, PUT, PATCH or DELETE. A POST counts as unsafe: it is not repeated if it may have arrived.
            path: Below the base URL, beginning with a slash, percent-encoded, without a query.
            json: Body; None for none.
            query: Query parameters.
            into: Model to read the answer as, or `bytes`. None, the default, gives the decoded JSON.
            timeout: Seconds or `Timeout`. None means the client's own.
            max_retries: As for the class. None means the client's own.
            headers: To add to this call.
            extra_headers: As for every method; they win over `headers`.
            extra_query: As for every method; they win over `query`.
            extra_body: As for every method; they win over `json`.

        Raises:
            ConfigurationError: Method, path or query cannot be sent, `into` is no class, or `extra_body` is given with
                a `json` that has no fields.
            NexevoError: As for every call.
        """
        _validation.result_type("into", into)
        own = self._transport.settings.headers
        extras = {"extra_headers": extra_headers, "extra_query": extra_query, "extra_body": extra_body}
        request = free_request(method, path, own, json=json, query=query, extra_headers=headers, options=extras)
        options: dict[str, Any] = {"timeout": timeout, "max_retries": max_retries}
        return await self._transport.fetch_request(request, cast("type[T]", into or object), options)

    # Imported when they are first used: all of them together are a quarter of what it takes to have a client ready.

    @cached_property
    def chat(self) -> Chat:
        """Everything about chats."""
        from nexevo_async.resources.chat import Chat

        return Chat(self._transport)

    @cached_property
    def models(self) -> Models:
        """The models that can be asked, aliases such as ``nexevo/balanced`` included."""
        from nexevo_async.resources.models import Models

        return Models(self._transport)

    @cached_property
    def embeddings(self) -> Embeddings:
        """Turn texts into vectors."""
        from nexevo_async.resources.embeddings import Embeddings

        return Embeddings(self._transport)

    @cached_property
    def conversations(self) -> Conversations:
        """Conversations that the service keeps. Storing and chatting are apart: nothing here calls a model."""
        from nexevo_async.resources.conversations import Conversations

        return Conversations(self._transport)

    @cached_property
    def auth(self) -> Auth:
        """Profile, password, second factor, registration."""
        from nexevo_async.resources.auth import Auth

        return Auth(self._transport)

    @cached_property
    def keys(self) -> Keys:
        """Hand out API keys and take them back."""
        from nexevo_async.resources.keys import Keys

        return Keys(self._transport)

    @cached_property
    def billing(self) -> Billing:
        """Balance, usage, plan and top-ups. Every amount is a `Decimal`."""
        from nexevo_async.resources.billing import Billing

        return Billing(self._transport)

    @cached_property
    def organizations(self) -> Organizations:
        """Organizations and their members: one owner, and admins and developers."""
        from nexevo_async.resources.organizations import Organizations

        return Organizations(self._transport)

    @cached_property
    def feedback(self) -> FeedbackResource:
        """Feedback on generations."""
        from nexevo_async.resources.feedback import FeedbackResource

        return FeedbackResource(self._transport)

    @cached_property
    def sub_accounts(self) -> SubAccounts:
        """Sub-accounts of the platform. Only the key of the main account may call this."""
        from nexevo_async.resources.sub_accounts import SubAccounts

        return SubAccounts(self._transport)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Look at the base URLs, and ask now what the background asks every few minutes."""
        from nexevo_async.resources.endpoints import Endpoints

        return Endpoints(self._transport)

    @cached_property
    def batch(self) -> Batch[AsyncNexevo]:
        """Run one function over many items, a bounded number at once."""
        from nexevo_async.batch.resource import Batch

        return Batch(self._transport, self._over)

    async def aclose(self) -> None:
        """
        Close connections and background tasks, and wait until they are gone. May be called again; on a view it does
        nothing. Calls that are under way end with `ClientClosedError`.
        """
        core = self._transport.core
        if not self._own or core.closed:
            return
        core.closed = True
        # Shielded: closing that is cancelled half-way leaves connections open, and nobody comes back for them.
        await asyncio.shield(asyncio.ensure_future(_close(core)))

    @property
    def is_closed(self) -> bool:
        """Whether the client (for a view: the client it came from) has been closed."""
        return self._transport.core.closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> NoReturn:
        # The key would be in it, in plain text.
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied: it holds a key and connections. Make another."
        )

    def __repr__(self) -> str:
        urls = ", ".join(endpoint.url for endpoint in self._transport.core.shared.pool.order(time.monotonic()))
        return f"<{type(self).__name__} {urls}{' closed' if self.is_closed else ''}>"


async def _close(core: Core) -> None:
    await core.background.aclose()
    await core.sender.aclose()


def _hooks(hooks: Hooks | Sequence[Hooks]) -> tuple[Hooks, ...]:
    if not isinstance(hooks, Hooks | Sequence):
        raise ConfigurationError(f"hooks are instances of nexevo_async.Hooks; got {type(hooks).__name__}")
    found = (hooks,) if isinstance(hooks, Hooks) else tuple(hooks)
    for hook in found:
        if not isinstance(hook, Hooks):
            raise ConfigurationError(f"hooks are instances of nexevo_async.Hooks; got {type(hook).__name__}")
    return found


def _retries(retry: RetryPolicy, max_retries: int | None) -> RetryPolicy:
    if max_retries is None:
        return retry
    return attrs.evolve(retry, max_attempts=_validation.whole("max_retries", max_retries, least=0) + 1)
