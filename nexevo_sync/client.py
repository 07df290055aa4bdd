# Written by tools/generate_sync.py from nexevo_async/client.py; change that, and run: make generate
"""The client: puts everything together once. `Nexevo` is what users make."""

from __future__ import annotations

import ssl as _ssl
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async.client import AsyncNexevo
from nexevo_async.config import CLOSEAI_BASE_URL, CLOSEAI_DISCOVERY_URL, ApiKey, Timeout
from nexevo_async.errors import ClientClosedError
from nexevo_async.hooks import Hooks
from nexevo_sync._callbacks import hooks_off_loop, key_off_loop, no_foreign_session
from nexevo_sync._portal import Portal
from nexevo_sync._shapes import ClientTwin
from nexevo_sync.batch.resource import Batch
from nexevo_sync.resources.auth import Auth
from nexevo_sync.resources.billing import Billing
from nexevo_sync.resources.chat import Chat
from nexevo_sync.resources.conversations import Conversations
from nexevo_sync.resources.embeddings import Embeddings
from nexevo_sync.resources.endpoints import Endpoints
from nexevo_sync.resources.feedback import FeedbackResource
from nexevo_sync.resources.keys import Keys
from nexevo_sync.resources.models import Models
from nexevo_sync.resources.organizations import Organizations
from nexevo_sync.resources.sub_accounts import SubAccounts

if TYPE_CHECKING:
    import aiohttp

    from nexevo_async.models.endpoints import Endpoint
    from nexevo_sync.raw import RawNexevo

T = TypeVar("T")


class Nexevo(ClientTwin[AsyncNexevo]):
    """
    Client of a Nexevo gateway.

    Making one does no I/O; connections are opened on first use, by a private event loop on a thread of its own.
    One client serves a whole application: any number of threads share it, and it goes on working after a fork,
    in the parent and in the child. In asynchronous code use `nexevo_async.AsyncNexevo`, which does not block.

    Args:
        api_key: The key, or a function that may block and returns the present one and is asked before every
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
        max_connections: Most connections at once. None, the default, means half of the files that the
            process may open, at most 10,000.
        headers: Sent with every call; an Authorization header only with those that the key goes along with.
        proxy: URL of an HTTP proxy; None, the default, takes what the environment says (`HTTPS_PROXY` and so on).
        ssl: An `ssl.SSLContext`, or True for the usual checks. False turns certificate checks off: never in production.
        session: Refused here: a session belongs to the event loop it was made on. For `nexevo_async.AsyncNexevo`.
        route_overrides: Replaces lines of the route table: ``{"keys.create": "POST /v1/api-keys"}``.
        hooks: `Hooks` that see every attempt, called in order. They may block: they run on threads of their own.
        uvloop: Whether the private event loop is uvloop's (extra ``speed``). Default False.

    Raises:
        ConfigurationError: An argument cannot work; nothing was sent.
        ImportError: uvloop was asked for and is not installed.

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
        uvloop: bool = False,
    ) -> None:
        client = AsyncNexevo(
            key_off_loop(api_key),
            base_url=base_url,
            base_urls=base_urls,
            discovery_url=discovery_url,
            allowed_hosts=allowed_hosts,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            health=health,
            rate_limit=rate_limit,
            max_connections=max_connections,
            headers=headers,
            proxy=proxy,
            ssl=ssl,
            session=no_foreign_session(session),
            route_overrides=route_overrides,
            hooks=hooks_off_loop(hooks),
        )
        super().__init__(Portal(client.aclose, closed_error=ClientClosedError, uvloop=uvloop), client)

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
        return self._view(
            self._async.with_options(
                api_key=key_off_loop(api_key),
                timeout=timeout,
                max_retries=max_retries,
                retry=retry,
                headers=headers,
                hooks=hooks_off_loop(hooks),
            )
        )

    @property
    def with_raw_response(self) -> RawNexevo:
        """
        The same methods, giving a `RawResponse` (status, headers, bytes, and `parse()` for the usual result).

        Lists give their first answer, and `pages()` all of them. Streams come as streams, with their `headers`.
        """
        return cast("RawNexevo", self._view(cast("AsyncNexevo", self._async.with_raw_response)))

    def request(
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
        return self._portal.call(
            self._async.request,
            method,
            path,
            json=json,
            query=query,
            into=into,
            timeout=timeout,
            max_retries=max_retries,
            headers=headers,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
        )

    def close(self) -> None:
        """
        Close connections, background tasks and the private event loop, and wait until they are gone. May be called
        again; on a view it does nothing. Calls that are under way end with `ClientClosedError`.
        """
        super().close()

    @property
    def is_closed(self) -> bool:
        """Whether the client (for a view: the client it came from) has been closed."""
        return self._portal.closed

    @cached_property
    def chat(self) -> Chat:
        """Everything about chats."""
        return Chat(self._portal, self._async.chat)

    @cached_property
    def models(self) -> Models:
        """The models that can be asked, aliases such as ``nexevo/balanced`` included."""
        return Models(self._portal, self._async.models)

    @cached_property
    def embeddings(self) -> Embeddings:
        """Turn texts into vectors."""
        return Embeddings(self._portal, self._async.embeddings)

    @cached_property
    def conversations(self) -> Conversations:
        """Conversations that the service keeps. Storing and chatting are apart: nothing here calls a model."""
        return Conversations(self._portal, self._async.conversations)

    @cached_property
    def auth(self) -> Auth:
        """Profile, password, second factor, registration."""
        return Auth(self._portal, self._async.auth)

    @cached_property
    def keys(self) -> Keys:
        """Hand out API keys and take them back."""
        return Keys(self._portal, self._async.keys)

    @cached_property
    def billing(self) -> Billing:
        """Balance, usage, plan and top-ups. Every amount is a `Decimal`."""
        return Billing(self._portal, self._async.billing)

    @cached_property
    def organizations(self) -> Organizations:
        """Organizations and their members: one owner, and admins and developers."""
        return Organizations(self._portal, self._async.organizations)

    @cached_property
    def feedback(self) -> FeedbackResource:
        """Feedback on generations."""
        return FeedbackResource(self._portal, self._async.feedback)

    @cached_property
    def sub_accounts(self) -> SubAccounts:
        """Sub-accounts of the platform. Only the key of the main account may call this."""
        return SubAccounts(self._portal, self._async.sub_accounts)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Look at the base URLs, and ask now what the background asks every few minutes."""
        return Endpoints(self._portal, self._async.endpoints)

    @cached_property
    def batch(self) -> Batch[Nexevo]:
        """Run one function over many items, a bounded number at once."""
        return Batch(self._portal, self._async.batch)
