"""nexevo's blocking client, shared by all threads."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT
from nexevo_sync import Nexevo


class OursSync:
    """`Nexevo` on one base."""

    def __init__(self, url: str, *, uvloop: bool = False) -> None:
        self._client = Nexevo(
            api_key=API_KEY,
            base_url=url,
            timeout=TIMEOUT,
            rate_limit=None,
            max_connections=CONNECTIONS,
            uvloop=uvloop,
        )

    def call(self) -> str | None:
        return self._client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content

    def stream(self, shape: Mapping[str, str]) -> int:
        count = 0
        chat = self._client.chat.completions
        with chat.stream(model=MODEL, messages=MESSAGES, extra_headers=dict(shape)) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    count += 1
        return count

    def close(self) -> None:
        self._client.close()


def connect(url: str) -> OursSync:
    """A client on the benchmark's server."""
    return OursSync(url)
