"""requests with one session for all threads, its pool as large as the crowd of threads."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import TIMEOUT


class Requests:
    """One `Session`."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {API_KEY}"
        adapter = HTTPAdapter(pool_maxsize=64)  # the default of 10 would open a connection per call beyond it
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def call(self) -> str | None:
        response = self._session.post(self._url, json={"model": MODEL, "messages": MESSAGES}, timeout=TIMEOUT)
        response.raise_for_status()
        text: str | None = response.json()["choices"][0]["message"]["content"]
        return text

    def close(self) -> None:
        self._session.close()


def connect(url: str) -> Requests:
    """A session on the benchmark's server."""
    return Requests(url)
