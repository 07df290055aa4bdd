"""
Replace an API key while calls go on: make a new one, check it, switch over, revoke the old.

    python examples/rotate_key.py

Needs NEXEVO_API_KEY (a key that may make keys), and NEXEVO_BASE_URL for a local gateway (`nexevo sandbox`).
"""

from __future__ import annotations

import asyncio
import sys

from nexevo_async import AsyncNexevo, AuthenticationError, NexevoError


class Vault:
    """Where the present key is kept; yours would be a file or a service."""

    def __init__(self) -> None:
        self.key = ""

    def present_key(self) -> str:
        return self.key


async def calls_that_go_on(client: AsyncNexevo, stop: asyncio.Event) -> int:
    done = 0
    while not stop.is_set():
        await client.models.list()
        done += 1
        await asyncio.sleep(0.01)
    return done


async def rotate(admin: AsyncNexevo, vault: Vault, old_id: str) -> str:
    new = await admin.keys.create("example, new")  # its secret is shown this once
    await admin.with_options(api_key=new.full_key).models.list()  # does it work?
    vault.key = new.full_key  # the next attempt of every call uses it
    await asyncio.sleep(0.2)  # attempts that are under way still use the old one
    await admin.keys.revoke(old_id)
    return new.key.key_id


async def main() -> int:
    vault, stop = Vault(), asyncio.Event()
    async with AsyncNexevo() as admin:
        old = await admin.keys.create("example, old")
        vault.key = old.full_key
        client = admin.with_options(api_key=vault.present_key)
        working = asyncio.create_task(calls_that_go_on(client, stop))
        new_id = await rotate(admin, vault, old.key.key_id)
        await asyncio.sleep(0.1)
        stop.set()
        print(f"{await working} calls, none refused")
        try:
            await admin.with_options(api_key=old.full_key).models.list()
        except AuthenticationError:
            print("the old key is refused")
        await admin.keys.revoke(new_id)  # this is only an example
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except NexevoError as error:
        sys.exit(str(error))
