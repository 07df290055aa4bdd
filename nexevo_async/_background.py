"""What runs beside the calls. (First form: pauses and admission; prober and discovery join here.)"""

from __future__ import annotations

import asyncio


class Background:
    def __init__(self) -> None:
        self._closing: dict[asyncio.AbstractEventLoop, asyncio.Event] = {}

    def wake(self) -> None:
        pass

    async def admit(self, url: str) -> bool:
        return True

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        pass
