"""
The ceiling of the benchmark's own server, so that a figure near it is not taken for a client's.

A raw protocol client sends requests made in advance and only counts the bytes that come back; it parses nothing.
Measured are what the server manages a second so, and the CPU time it spends on each answer and chunk. Once calls and
streams have been measured too, `headroom` says how far the fastest client, and ours, stayed below that.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import statistics
import time
from dataclasses import dataclass

from benchmarks import answers, service
from benchmarks.harness import Cell, Result, Settings, parse_settings, save
from benchmarks.http1 import RawRequest
from benchmarks.peers import OURS
from benchmarks.processes import cpu_seconds, running_service
from benchmarks.table import as_table, number

RATE, SPENT = "a second", "server CPU, µs each"
MOST_ROUNDS = 3
ALONE, CROWD = "answers, 1 connection", "answers, 100 connections"
CHUNKS = "stream chunks, 10 connections, bursts of 16"
#: What a client is measured with, the column, and the load that shows the server's ceiling for it.
COMPARED = (
    ("call", "1", "calls, 1 in flight", ALONE),
    ("call", "100", "calls, 100 in flight", CROWD),
    ("stream", "bursts of 16, 10 streams", "chunks, 10 streams", CHUNKS),
)

_BODY = b'{"model":"nexevo/balanced","messages":[{"role":"user","content":"Hello!"}]%s}'


def _request(*, stream: bool, extra: bytes = b"") -> bytes:
    body = _BODY % (b',"stream":true' if stream else b"")
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return b"%s%sContent-Length: %d\r\n\r\n%s" % (head, extra, len(body), body)


class Counter(asyncio.Protocol):
    """Sends a request, waits until a known number of bytes came back, sends the next."""

    def __init__(self, request: bytes, answer_size: int, rounds: int) -> None:
        self._request, self._size, self._left = request, answer_size, rounds
        self._missing = 0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # asyncio hands a Transport to every stream protocol
        self._next()

    def _next(self) -> None:
        if self._transport is None:
            return
        if self._left == 0:
            self._transport.close()
            self.done.set_result(None)
            return
        self._left -= 1
        self._missing += self._size
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing <= 0:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed early"))


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask: requests in one write, bytes that answer them, units of work in that, connections, repetitions."""

    name: str
    request: bytes
    size: int
    units: int
    connections: int
    rounds: int


def loads(*, quick: bool) -> list[Load]:
    """One at a time, many at once, pipelined, and streams."""
    plain = _request(stream=False)
    whole = len(service.STATIC[(b"POST", b"/v1/chat/completions")])
    chunks, burst = 1600, 16
    shape = b"X-Bench-Chunks: %d\r\nX-Bench-Burst: %d\r\n" % (chunks, burst)
    share = 10 if quick else 1
    return [
        Load(ALONE, plain, whole, 1, 1, 10_000 // share),
        Load(CROWD, plain, whole, 1, 100, 500 // share),
        Load("answers, 10 connections, 16 pipelined", plain * 16, whole * 16, 16, 10, 1_000 // share),
        Load(
            CHUNKS,
            _request(stream=True, extra=shape),
            _stream_size(chunks, burst),
            chunks,
            10,
            50 // share,
        ),
    ]


def _stream_size(chunks: int, burst: int) -> int:
    """Bytes of a whole stream on the wire, by the server's own code."""
    stream = service.Stream(RawRequest(b"POST", b"/v1/chat/completions", b"", b""))
    stream.left, stream.burst = chunks, burst
    size = len(service.STREAM_HEAD)
    while stream.left:
        size += len(stream.next_piece())
    return size


async def drive(port: int, load: Load) -> float:
    """Wall seconds for the whole load."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    pairs = [
        await loop.create_connection(lambda: Counter(load.request, load.size, load.rounds), "127.0.0.1", port)
        for _ in range(load.connections)
    ]
    async with asyncio.timeout(60):
        await asyncio.gather(*(protocol.done for _, protocol in pairs))
    return time.perf_counter() - begin


def run(settings: Settings) -> Result:
    """Measure every load, from a client on uvloop where that is installed: it should not be the ceiling itself."""
    title = f"Ceiling of the server: answers of {len(answers.CHAT):,} bytes, chunks of {len(answers.CHAT_EVENTS[0])}"
    result = Result("service", title, "", [RATE, SPENT])
    factory = importlib.import_module("uvloop").new_event_loop if importlib.util.find_spec("uvloop") else None
    with running_service() as (url, process, _), asyncio.Runner(loop_factory=factory) as runner:
        port = int(url.rpartition(":")[2])
        for _ in range(min(settings.rounds, MOST_ROUNDS)):
            for load in loads(quick=settings.quick):
                before = cpu_seconds(process.pid)
                wall = runner.run(drive(port, load))
                spent = cpu_seconds(process.pid) - before
                units = load.units * load.connections * load.rounds
                result.cell(load.name, RATE).rounds.append(units / wall)
                result.cell(load.name, SPENT).rounds.append(spent / units * 1e6)
    return result


def rate(cell: Cell) -> float | None:
    """Units a second on the wall clock, of a cell of `bench_call` or `bench_stream`."""
    walls = cell.extra.get("wall_microseconds")
    return 1e6 / statistics.median(walls) if walls else None


def headroom(results: dict[str, Result]) -> list[list[str]]:
    """Rows of a table: the ceiling, and what part of it the fastest client and ours reached; empty if not measured."""
    rows = []
    for benchmark, column, name, load in COMPARED:
        ceiling = results["service"].cell(load, RATE).spread() if "service" in results else None
        cells = results[benchmark].cells if benchmark in results else {}
        rates = {peer: found for peer, row in cells.items() if column in row and (found := rate(row[column]))}
        if ceiling is None or not rates:
            continue
        fastest = max(rates, key=rates.__getitem__)
        told = [
            f"{number(rates[peer])} ({rates[peer] / ceiling.median:.0%})" if peer in rates else "-"
            for peer in (fastest, OURS)
        ]
        rows.append([name, number(ceiling.median), fastest, *told])
    return [["a second", "ceiling of the server", "fastest client", "its rate", "ours"], *rows] if rows else []


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
