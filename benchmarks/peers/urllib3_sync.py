"""urllib3's pool, the lowest blocking layer people use directly."""

from __future__ import annotations

import json

import urllib3

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import TIMEOUT


class Urllib3:
    """One `PoolManager`."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._pool = urllib3.PoolManager(maxsize=64, headers={"Authorization": f"Bearer {API_KEY}"})

    def call(self) -> str | None:
        body = {"model": MODEL, "messages": MESSAGES}
        headers = {**self._pool.headers, "Content-Type": "application/json"}
        response = self._pool.request("POST", self._url, body=json.dumps(body), headers=headers, timeout=TIMEOUT)
        text: str | None = json.loads(response.data)["choices"][0]["message"]["content"]
        return text

    def close(self) -> None:
        self._pool.clear()


def connect(url: str) -> Urllib3:
    """A pool on the benchmark's server."""
    return Urllib3(url)
