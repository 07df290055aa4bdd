"""
Chaos with a seed: ``python -m benchmarks.soak --seconds 600 --seed 1``.

One client, three gateways in another process, forty users who read, chat, stream, create and pay. Random faults on
random bases (one base is always left in peace), random cancellations, random blocks of the event loop. At the end
nothing may be lost, nothing duplicated, nothing leaked, and memory must be flat. Prints what happened as JSON; exits
with 1 if anything was wrong. The suite runs it for twenty seconds.

A fifth of the time is for warming up. Then the users rest and Python's objects are counted; when they rest again at the
end, there must not be more.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.failover.gateways import Gateways
from benchmarks.measure import resident_bytes
from benchmarks.soak_journal import Outage, problems, repeats
from nexevo_async import AsyncNexevo, RetryPolicy, Timeout
from nexevo_async._messages import Delivery
from nexevo_async.errors import APIStatusError, NexevoError, OutcomeUnknownError

USERS = 40
CONNECTIONS = 60
#: Objects that may be left over whatever the length: open connections and full windows differ from moment to moment.
SPARE_OBJECTS = 2000
#: Objects that may be left over for each call. A leak holds on to one at least.
OBJECTS_PER_CALL = 0.05
MODEL = "nexevo/fast"

#: Faults that answer at once, or break at once: two bases may have one at the same time.
QUICK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("refuse", {}),
    ("reset", {}),
    ("close", {}),
    ("reset_mid", {}),
    ("cut_json", {"probability": 0.3}),
    ("html", {}),
    ("status", {"status": 500}),
    ("status", {"status": 502}),
    ("status", {"status": 503}),
    ("status", {"status": 504}),
    ("status", {"status": 429, "headers": {"Retry-After": "0"}, "count": 2}),
    ("stream_cut", {}),
    ("stream_reset", {}),
    ("stream_error", {}),
    ("unhealthy", {}),
)
#: Faults that keep callers waiting: one base at a time.
SLOW: tuple[tuple[str, dict[str, Any]], ...] = (
    ("hang", {}),
    ("headers_then_hang", {}),
    ("slow", {"delay": 0.4}),
    ("trickle", {"delay": 0.002}),
    ("stream_stall", {}),
)


class Soak:
    """One run; `report` says what was wrong with it."""

    def __init__(self, gateways: Gateways, *, seconds: float, seed: int) -> None:
        self._gateways = gateways
        self._seconds = seconds
        self._seed = seed
        self._numbers = iter(range(10**9))
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.made: dict[str, str] = {}  # what became of each thing that must not be made twice, by its name
        self.memory: list[tuple[float, int]] = []
        self.outages: list[Outage] = []
        self.allowance = RetryPolicy()
        addresses = gateways.addresses
        self.client = AsyncNexevo(
            addresses["api_key"],
            base_urls=addresses["base_urls"],
            discovery_url=addresses["discovery_url"],
            timeout=Timeout(total=10, between_content=3),
            max_connections=CONNECTIONS,
            # Faults come a thousand times more often than in life: the usual budget against storms would run dry.
            retry=RetryPolicy(retry_budget_cap=200.0, retry_budget_per_second=20.0),
        )

    # -- users

    async def _read(self, number: int) -> None:
        await (self.client.models.get(MODEL) if number % 2 else self.client.billing.balance())

    async def _chat(self, number: int) -> None:
        answer = await self.client.chat.completions.create(model=MODEL, messages=_about(number))
        self._expect(number, answer.choices[0].message.content or "")

    async def _stream(self, number: int) -> None:
        async with self.client.chat.completions.stream(model=MODEL, messages=_about(number)) as stream:
            self._expect(number, "".join([text async for text in stream.text()]))

    async def _create(self, number: int) -> None:
        name = f"thing-{number}"
        self.made[name] = "unknown"  # also if we cancel
        try:
            await self.client.keys.create(name=name)
        except OutcomeUnknownError:
            raise
        except NexevoError as error:
            certain = isinstance(error, APIStatusError) or getattr(error, "delivery", "maybe") == "never"
            self.made[name] = "not made" if certain else "unknown"
            raise
        self.made[name] = "made"

    async def _pay(self, number: int) -> None:
        await self.client.billing.checkout(amount_usd=1, idempotency_key=f"topup-{number}")

    def _expect(self, number: int, text: str) -> None:
        if f"number {number}." not in text:
            self.problems.append(f"chat {number} was answered {text[:60]!r}")

    async def _use(self, dice: random.Random, until: float) -> None:
        """One user: one call after the other, some of them given up."""
        calls: tuple[tuple[str, Callable[[int], Awaitable[None]]], ...] = (
            ("read", self._read),
            ("read", self._read),
            ("chat", self._chat),
            ("stream", self._stream),
            ("create", self._create),
            ("pay", self._pay),
        )
        while time.monotonic() < until:
            name, call = dice.choice(calls)
            task = asyncio.ensure_future(call(next(self._numbers)))
            if dice.random() < 0.15:
                await asyncio.wait([task], timeout=dice.random() * 0.3)
                task.cancel()
            await self._end_of(name, task)
            await asyncio.sleep(dice.random() * 0.2)

    async def _end_of(self, name: str, task: asyncio.Future[None]) -> None:
        done, _ = await asyncio.wait([task], timeout=30)
        if not done:
            self.problems.append(f"a {name} never ended")
            task.cancel()
        elif task.cancelled():
            self.counts["cancelled"] += 1
        elif (error := task.exception()) is None:
            self.counts[name] += 1
        else:
            self.counts[f"{name} failed: {type(error).__name__}"] += 1
            if not isinstance(error, NexevoError):
                self.problems.append(f"{name}: {error!r} is not ours")
            elif _is_lost(name, error):
                tried = ", ".join(f"{a.base_url[-5:]} {a.problem} {a.seconds:.3f} s" for a in error.attempts)
                self.problems.append(f"{name} was lost: {error.message}; tried {tried}")

    # -- trouble

    async def _break(self, dice: random.Random, until: float) -> None:
        """Faults on random bases, one of which is always well."""
        busy: dict[int, tuple[float, bool]] = {}
        while time.monotonic() < until - 3:
            now = time.monotonic()
            busy = {base: fault for base, fault in busy.items() if fault[0] > now}
            base, slow = dice.randrange(3), dice.random() < 0.4
            seconds = dice.uniform(0.2, 3.0)
            if base not in busy and len(busy) < 2 and not (slow and busy) and not any(f[1] for f in busy.values()):
                kind, options = dice.choice(SLOW if slow else QUICK)
                busy[base] = (now + seconds + 1.0, slow)
                self.counts["faults"] += 1
                if kind == "refuse":
                    self.outages.append(Outage(base, time.time()))
                await asyncio.to_thread(self._gateways.break_for, base, kind, seconds, **options)
            await asyncio.sleep(dice.uniform(0.1, 0.8))

    async def _block(self, dice: random.Random, until: float) -> None:
        """Somebody's code that forgets that it runs on an event loop."""
        while time.monotonic() < until:
            await asyncio.sleep(dice.uniform(1.0, 4.0))
            time.sleep(dice.uniform(0.05, 0.4))  # noqa: ASYNC251 - this is the point
            self.counts["blocks"] += 1

    async def _measure(self, until: float) -> None:
        while time.monotonic() < until:
            self.memory.append((time.monotonic(), resident_bytes()))
            await asyncio.sleep(0.5)

    # -- the run

    async def run(self) -> dict[str, Any]:
        """Everything at once, then look at what is left."""
        tasks, files = asyncio.all_tasks(), _open_files()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.problems.append(context["message"]))
        dice = random.Random(self._seed)
        await self._phase(dice, 0.2 * self._seconds)
        calls, objects = next(self._numbers), _objects()
        await self._phase(dice, 0.8 * self._seconds)
        self._count_objects(_objects() - objects, next(self._numbers) - calls)
        await self._every_slot_is_free()
        await self._things_are_made_once()
        await self.client.aclose()
        await asyncio.sleep(0.05)
        left = [task.get_name() for task in asyncio.all_tasks() - tasks]
        open_now = _open_files()
        if left or open_now > files:
            self.problems.append(f"left behind: tasks {left}, open files {files} -> {open_now}")
        return self._report()

    async def _phase(self, dice: random.Random, seconds: float) -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(
            self._break(random.Random(dice.random()), until),
            self._block(random.Random(dice.random()), until),
            self._measure(until),
            *(self._use(random.Random(dice.random()), until) for _ in range(USERS)),
        )
        await asyncio.to_thread(self._gateways.clear_faults)

    def _count_objects(self, more: int, calls: int) -> None:
        self.counts["objects left over"] = more
        if more > SPARE_OBJECTS + OBJECTS_PER_CALL * calls:
            self.problems.append(f"{more} objects were left over after {calls} calls")

    async def _every_slot_is_free(self) -> None:
        """As many calls as there are connections run at the same time."""
        for base in range(3):
            await asyncio.to_thread(self._gateways.slow_down, base, 1.0)
        chats = [asyncio.create_task(self._chat(next(self._numbers))) for _ in range(CONNECTIONS)]
        most = 0
        while not all(chat.done() for chat in chats):
            most = max(most, await asyncio.to_thread(self._gateways.in_flight))
            await asyncio.sleep(0.02)
        failed = sum(chat.exception() is not None for chat in chats)
        if failed or most < CONNECTIONS:
            self.problems.append(f"of {CONNECTIONS} connections {most} could be used at once; {failed} chats failed")

    async def _things_are_made_once(self) -> None:
        """What was said to be made is there once, what was said not to be is not, and nothing is there twice."""
        journal = await asyncio.to_thread(self._gateways.journal)
        self.problems += problems(journal, self.outages)
        self.counts["chats repeated"] = again = repeats(journal)
        chats = sum(entry["route"] == "chat.completions.create" for entry in journal)
        if again > self.allowance.bounded_reserve + self.allowance.bounded_ratio * chats:
            self.problems.append(f"of {chats} chats {again} were repeated, which is more than the allowance")
        self.counts["health checks"] = sum(entry["route"] == "endpoints.health" for entry in journal)
        there = Counter([key.name async for key in self.client.keys.list()])
        wrong = [
            name
            for name, said in self.made.items()
            if there[name] > 1 or (said == "made") > there[name] or (said == "not made" and there[name])
        ]
        self.counts["things made"] = there.total()
        if wrong:
            self.problems.append(f"wrong about {len(wrong)} things: {wrong[:3]}")

    def _growth(self) -> float:
        """MiB by which the last quarter of the run lies above the second one."""
        quarter = max(1, len(self.memory) // 4)
        sizes = [size for _, size in self.memory]
        return (median(sizes[-quarter:]) - median(sizes[quarter : 2 * quarter])) / 2**20

    def _report(self) -> dict[str, Any]:
        growth = self._growth()
        if growth > 8.0:
            self.problems.append(f"memory grew by {growth:.1f} MiB")
        return {
            "seed": self._seed,
            "seconds": self._seconds,
            **dict(sorted(self.counts.items())),
            "grown_mib": round(growth, 1),
            "problems": self.problems[:20],
        }


def _is_lost(name: str, error: NexevoError) -> bool:
    """Whether it should have been answered, as one base is always well: reads, and what nobody can have done."""
    if name == "read" or getattr(error, "delivery", None) is Delivery.NEVER:
        return True
    return name in ("chat", "stream") and isinstance(error, APIStatusError) and error.status in (429, 502, 503)


class _Mistakes(logging.Handler):
    """What the client logs as a failure of its own."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        self._problems.append(f"logged: {record.getMessage()}")


def _objects() -> int:
    """How many objects Python keeps track of, after the garbage has gone."""
    gc.collect()
    return len(gc.get_objects())


def _about(number: int) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"number {number}."}]


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def soak(*, seconds: float, seed: int) -> dict[str, Any]:
    """One whole run, with gateways of its own; what happened, and what was wrong under ``problems``."""
    with Gateways(delay=0.0, tls=False) as gateways:

        async def run() -> dict[str, Any]:
            chaos = Soak(gateways, seconds=seconds, seed=seed)
            mistakes, log = _Mistakes(chaos.problems), logging.getLogger("nexevo")
            log.addHandler(mistakes)
            try:
                return await chaos.run()
            finally:
                log.removeHandler(mistakes)

        return asyncio.run(run())


def main() -> int:
    """Entry point: 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description="Chaos with a seed; nothing may be lost, duplicated or leaked.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report = soak(seconds=options.seconds, seed=options.seed)
    print(json.dumps(report, indent=1))
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
