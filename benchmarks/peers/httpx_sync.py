"""httpx's blocking client, shared by all threads."""

from __future__ import annotations

import json

import httpx

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT


class HttpxSync:
    """One `Client`."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {API_KEY}"},
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )

    def call(self) -> str | None:
        response = self._client.post("/v1/chat/completions", json={"model": MODEL, "messages": MESSAGES})
        response.raise_for_status()
        text: str | None = json.loads(response.content)["choices"][0]["message"]["content"]
        return text

    def close(self) -> None:
        self._client.close()


def connect(url: str) -> HttpxSync:
    """A client on the benchmark's server."""
    return HttpxSync(url)
