"""litellm's Router over three deployments of one model, with its defaults and two retries."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import litellm

from benchmarks.failover.clients import MODEL, messages

litellm.telemetry = False
litellm.suppress_debug_info = True


class Router:
    """One `litellm.Router`."""

    def __init__(self, router: Any) -> None:
        self._router = router

    async def get(self) -> None:
        raise NotImplementedError("it routes model calls only")

    async def chat(self, number: int) -> None:
        await self._router.acompletion(model="chat", messages=messages(number))


@contextlib.asynccontextmanager
async def connect(addresses: dict[str, Any], timeout: float) -> AsyncIterator[Router]:
    """The first base is preferred (`order`)."""
    deployments = [
        {
            "model_name": "chat",
            "litellm_params": {
                "model": f"openai/{MODEL}",
                "api_base": f"{url}/v1",
                "api_key": addresses["api_key"],
                "timeout": timeout,
                "order": place,
            },
        }
        for place, url in enumerate(addresses["base_urls"], 1)
    ]
    yield Router(litellm.Router(model_list=deployments, num_retries=2, timeout=timeout))
