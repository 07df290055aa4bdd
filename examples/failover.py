"""
Chat on while base URLs come and go; every change of their health is printed.

    nexevo sandbox --bases 3 --rate-limit none         # in another terminal
    export NEXEVO_API_KEY=... NEXEVO_BASE_URLS=...,...,...
    python examples/failover.py

While it runs, take one down: curl -X POST CONTROL/bases/0/kill, and bring it back with /revive.
The number of chats is the first argument, 20 if it is left out.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from nexevo_async import AsyncNexevo, EndpointChange, Hooks, NexevoError


class Watch(Hooks):
    """Prints what becomes of the endpoints, and counts where attempts went."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()

    def before_attempt(self, attempt) -> None:
        self.attempts[attempt.base_url] += 1

    def on_endpoint_change(self, change: EndpointChange) -> None:
        state = change.after.value if change.after else "gone"
        print(f"  {change.url} is {state}: {change.reason}")


async def main(chats: int) -> int:
    watch = Watch()
    lost = 0
    async with AsyncNexevo(hooks=watch, timeout=30) as client:
        for number in range(chats):
            try:
                await client.chat.completions.create(
                    model="nexevo/fast", messages=[{"role": "user", "content": f"Chat {number}"}]
                )
            except NexevoError as error:
                lost += 1
                print(error, file=sys.stderr)
            await asyncio.sleep(0.05)
        for endpoint in client.endpoints.snapshot():
            print(f"{endpoint.url}: {endpoint.state}, {watch.attempts[endpoint.url]} attempts")
    print(f"{chats - lost} of {chats} chats answered")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
