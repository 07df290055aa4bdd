"""nexevo's blocking client, shared by all threads."""

from __future__ import annotations

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT
from nexevo_sync import Nexevo


class OursSync:
    """`Nexevo` on one base."""

    def __init__(self, url: str) -> None:
        self._client = Nexevo(
            api_key=API_KEY, base_url=url, timeout=TIMEOUT, rate_limit=None, max_connections=CONNECTIONS
        )

    def call(self) -> str | None:
        return self._client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content

    def close(self) -> None:
        self._client.close()


def connect(url: str) -> OursSync:
    """A client on the benchmark's server."""
    return OursSync(url)
