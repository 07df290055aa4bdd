"""Runs of one session: which client meets which fault, and for how long."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.failover.clients import OURS
from benchmarks.failover.figures import Arrival, Run, Sample, arrivals
from benchmarks.failover.gateways import Gateways
from benchmarks.peers import Peer
from benchmarks.processes import READY_SECONDS, Process, WorkerError, interpreter

Json = dict[str, Any]
FAULTS: dict[str, Json] = {"refuse": {}, "status": {"status": 503}, "reset": {}, "hang": {}}


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How long everything takes (seconds).

    Attributes:
        rate: Calls begun in a second.
        before: Load before the fault.
        fault: How long the fault lasts.
        after: Load after it.
        hold: Load after it in the one run that waits until the base has its place back.
        timeout: Limit of a call.
    """

    rate: float = 100.0
    before: float = 3.0
    fault: float = 5.0
    after: float = 18.0
    hold: float = 48.0
    timeout: float = 10.0


QUICK = Plan(before=1.5, fault=2.0, after=3.0, hold=3.0, timeout=4.0)


class Session:
    """One client against the gateways, a fresh one for each run."""

    def __init__(self, gateways: Gateways, process: Process, versions: Json, plan: Plan) -> None:
        self._gateways = gateways
        self._process = process
        self.versions = versions
        self._plan = plan

    def ask(self, do: str, *, patience: float = 60.0, **options: Any) -> Json:
        """One command, and its answer."""
        self._process.send({"do": do, **options})
        return self._process.receive(patience)

    def fault(self, call: str, kind: str, *, bases: tuple[int, ...] = (0,), after: float | None = None) -> Run:
        """A load during which these bases break and come back."""
        plan, gateways = self._plan, self._gateways
        after = plan.after if after is None else after
        gateways.reset()
        self.ask("connect", timeout=plan.timeout)
        self.ask("load", call=call, rate=20, seconds=0.5)  # imports, first connections
        seconds = plan.before + plan.fault + after
        self._process.send({"do": "load", "call": call, "rate": plan.rate, "seconds": seconds})
        time.sleep(plan.before)
        for base in bases:
            gateways.break_for(base, kind, plan.fault, **FAULTS[kind])
        broke = time.time()
        answer = self._process.receive(seconds + plan.timeout * 12 + 30)
        self.ask("close")
        samples = [Sample(*sample) for sample in answer.pop("samples")]
        ended = broke + plan.fault + after
        return Run(call, kind, broke, broke + plan.fault, ended, samples, self.journal(), answer)

    def journal(self) -> list[Arrival]:
        """What arrived since the last fault was prepared."""
        return arrivals(self._gateways.journal())

    def starved(self) -> Run:
        """A loop that is blocked for 200 ms twice in a second, with nothing wrong at the bases."""
        self._gateways.reset()
        self.ask("connect", timeout=self._plan.timeout)
        seconds = self._plan.fault * 2
        answer = self.ask("load", call="get", rate=50.0, seconds=seconds, block_every=0.3, block_for=0.2)
        self.ask("close")
        samples = [Sample(*sample) for sample in answer.pop("samples")]
        now = time.time()
        return Run("get", "starved", now, now, now, samples, self.journal(), answer)

    def closing(self) -> Json:
        """Close an idle client; what is left, and what arrives in the second after that."""
        self._gateways.reset()
        self.ask("connect", timeout=self._plan.timeout)
        self.ask("load", call="get", rate=50, seconds=0.5)
        closed = self.ask("close")
        arrived = len(self.journal())
        time.sleep(1.0)
        return {**closed, "arrived": len(self.journal()) - arrived}

    def cold_discovery(self) -> int:
        """A hundred tasks of a fresh client want the list; how often discovery was asked."""
        self._gateways.reset()
        self.ask("connect", timeout=self._plan.timeout, discover=True)
        self.ask("discover", tasks=100)
        self.ask("close")
        return sum(arrival.route == "endpoints.links" for arrival in self.journal())

    def crowd(self) -> int:
        """A thousand reads at once when a base is on probation; how many it gets at a time."""
        self._gateways.reset()
        self.ask("connect", timeout=self._plan.timeout)
        self.ask("load", call="get", rate=50, seconds=0.2)
        self._gateways.break_for(0, "refuse", 1.5)
        self._gateways.slow_down(0, 0.2)
        testing: int = self.ask("crowd", size=1000)["testing"]
        self.ask("close")
        return testing

    def redirected(self) -> int:
        """A base that redirects everything to another host; how many keys arrive there."""
        self._gateways.reset()
        self.ask("connect", timeout=self._plan.timeout)
        self._gateways.break_for(0, "redirect", 2.0)
        self.ask("load", call="get", rate=50, seconds=1.0)
        self.ask("close")
        return sum(arrival.authorized for arrival in self.journal() if arrival.base == "discovery")


@contextlib.contextmanager
def session(peer: Peer, gateways: Gateways, plan: Plan) -> Iterator[Session]:
    """
    Start a client's process.

    Raises:
        WorkerError: Its virtualenv or a package is missing, or it failed to start.
    """
    python = interpreter(peer)
    if not python.exists():
        raise WorkerError(f"no virtualenv .venv-{peer.venv}; `make bench-peers` makes it")
    command = [str(python), "-m", "benchmarks.failover.worker", peer.module, json.dumps(gateways.addresses)]
    trust = gateways.addresses["ca_file"]
    environment = {**peer.extra(), **({"SSL_CERT_FILE": trust} if trust and peer is not OURS else {})}
    with Process([*command, "--packages", ",".join(peer.packages)], environment=environment) as process:
        yield Session(gateways, process, process.receive(READY_SECONDS)["versions"], plan)
