"""openai's blocking client, shared by all threads, retries off."""

from __future__ import annotations

import openai

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import TIMEOUT


class OpenAISync:
    """One `OpenAI`."""

    def __init__(self, url: str) -> None:
        self._client = openai.OpenAI(api_key=API_KEY, base_url=f"{url}/v1", timeout=TIMEOUT, max_retries=0)

    def call(self) -> str | None:
        return self._client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content

    def close(self) -> None:
        self._client.close()


def connect(url: str) -> OpenAISync:
    """A client on the benchmark's server."""
    return OpenAISync(url)
