"""A gateway over real HTTP whose clock is a number the test moves, and a caller that knows the main account's key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from nexevo_async.sandbox import chat
from nexevo_async.sandbox.faults import FaultBoard
from nexevo_async.sandbox.gateway import Gateway, Shared
from nexevo_async.sandbox.handlers import account_routes
from nexevo_async.sandbox.journal import Journal
from nexevo_async.sandbox.principal import authenticate
from nexevo_async.sandbox.routing import Settings
from nexevo_async.sandbox.spending import record_usage
from nexevo_async.sandbox.store import DEMO_EMAIL, DEMO_PASSWORD, Store


class Clock:
    """A clock that stands still until it is moved; it begins on 2026-01-15 at noon."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Api:
    """Calls a gateway over HTTP and checks the status; money in answers stays exact."""

    demo_email = DEMO_EMAIL
    demo_password = DEMO_PASSWORD

    def __init__(self, client: TestClient[Any, Any], store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.key = store.bootstrap(None)
        self._client = client
        self._generations = 0

    async def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None, expect: int = 200
    ) -> Any:
        """The answer's JSON; `key` "" sends none, None sends the main account's."""
        token = self.key if key is None else key
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        raw = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._client.request(method, path, data=raw, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == expect, text
            return json.loads(text, parse_float=Decimal)

    async def refused(
        self, method: str, path: str, body: object = None, *, key: str | None = None, expect: int = 400
    ) -> tuple[str, str | None]:
        """The code of the error, and the field it names."""
        error = (await self.call(method, path, body, key=key, expect=expect))["error"]
        return error["code"], error.get("param")

    async def someone(self, email: str, password: str = "correct horse") -> tuple[str, str]:
        """A new user: id and login token."""
        user = await self.call("POST", "/v1/auth/register", {"email": email, "password": password}, key="", expect=201)
        login = await self.call("POST", "/v1/auth/login", {"email": email, "password": password}, key="")
        return user["user_id"], login["access_token"]

    async def new_key(self, name: str = "ci") -> tuple[str, str]:
        """A new key of the main account: secret and id."""
        made = await self.call("POST", "/v1/keys", {"name": name}, expect=201)
        return made["full_key"], made["key"]["key_id"]

    def spend(self, cost: str, *, key: str | None = None, tier: str = "fast", model: str = "sandbox/small") -> str:
        """Book a generation as chat does; its id."""
        self._generations += 1
        generation_id = f"gen_{self._generations}"
        record_usage(
            self.store,
            authenticate(self.store, key or self.key),
            generation_id=generation_id,
            model=model,
            tier=tier,
            prompt_tokens=10,
            completion_tokens=5,
            cost=Decimal(cost),
            conversation_id=None,
        )
        return generation_id

    async def balance(self, key: str | None = None) -> Decimal:
        """What the main account has left."""
        return Decimal((await self.call("GET", "/v1/billing/balance", key=key))["balance_usd"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    store = Store(None, clock=clock, seed=1)
    yield store
    store.close()


@pytest.fixture
async def api(store: Store, clock: Clock) -> AsyncIterator[Api]:
    faults = FaultBoard(seed=0, on_change=lambda: None)
    shared = Shared(store=store, journal=Journal(), faults=faults, limiter=None, settings=Settings())
    gateway = Gateway(0, shared, [*account_routes(), *chat.routes()])
    async with TestClient(TestServer(gateway.app)) as client:
        yield Api(client, store, clock)
