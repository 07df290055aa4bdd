"""litellm's `acompletion`, told that the server speaks OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import litellm

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import TIMEOUT

litellm.telemetry = False
litellm.suppress_debug_info = True


class LiteLLM:
    """It keeps its clients in a module-wide cache, so there is nothing to hold here."""

    def __init__(self, url: str) -> None:
        self._options: dict[str, Any] = {
            "model": f"openai/{MODEL}",
            "messages": MESSAGES,
            "api_base": f"{url}/v1",
            "api_key": API_KEY,
            "timeout": TIMEOUT,
            "num_retries": 0,
        }

    async def call(self) -> str | None:
        answer = await litellm.acompletion(**self._options)
        text: str | None = answer.choices[0].message.content
        return text

    async def stream(self, shape: Mapping[str, str]) -> int:
        count = 0
        stream = await litellm.acompletion(**self._options, stream=True, extra_headers=dict(shape))
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                count += 1
        return count

    async def aclose(self) -> None:
        """Nothing to close: the process ends with it."""


async def connect(url: str) -> LiteLLM:
    """A client on the benchmark's server."""
    return LiteLLM(url)
