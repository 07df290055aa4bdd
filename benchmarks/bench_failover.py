"""
How a client survives the loss of a base: ``python -m benchmarks.bench_failover [--quick] [--tls --delay 50]``.

Open load of 100 calls a second against three gateways of 20 ms service time; the first one breaks for 5 s and comes
back. Measured against the goals G1 to G20 of the project; released clients run beside ours in the same session.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import sys
from typing import Any

from benchmarks.failover import virtual
from benchmarks.failover.clients import ELASTIC, LITELLM, OPENAI, OURS
from benchmarks.failover.gateways import Gateways
from benchmarks.failover.goals import KINDS, Measured, as_table, lines, rows_of
from benchmarks.failover.session import QUICK, Plan, Session, session
from benchmarks.harness import RESULTS
from benchmarks.peers import Peer
from benchmarks.processes import WorkerError
from benchmarks.table import as_markdown

#: Which calls each of the others makes, and how many a second: a client that is busy to its limit shows only that.
PEERS: dict[Peer, tuple[tuple[str, ...], float]] = {
    ELASTIC: (("get",), 100.0),
    LITELLM: (("chat",), 20.0),
    OPENAI: (("chat",), 20.0),
}


def _say(text: str) -> None:
    print(text, flush=True)


def _faults(found: Measured, runs: Session, calls: tuple[str, ...]) -> None:
    """One base of three breaks, in every way."""
    for call in calls:
        for kind in KINDS:
            run = found.runs[call, kind] = runs.fault(call, kind)
            median, most = run.latency(0.5, during=True), run.latency(0.99, during=True)
            times = f"p50 {1e3 * (median or 0):.0f} ms, p99 {1e3 * (most or 0):.0f} ms"
            _say(f"  {call} {kind}: {run.failed} of {len(run.samples)} failed {run.errors or ''}, {times}")


def _all_down(found: Measured, runs: Session, call: str, plan: Plan) -> None:
    """All three break at once and come back at once."""
    for kind in ("refuse", "status"):
        run = runs.fault(call, kind, bases=(0, 1, 2), after=min(plan.after, 5.0))
        found.figures[f"first answer, all {kind}"] = run.success_after_repair
        attempts = run.attempts_per_call_down
        if kind == "refuse":  # nothing arrives that could be counted: the client's own count, if it has one
            calls = len(run.samples) + 10  # those that warmed it up
            attempts = run.watched["attempts"] / calls if "attempts" in run.watched else None
            if attempts is not None:
                attempts = 1 + (attempts - 1) * calls / (plan.rate * plan.fault)  # all extra ones, while it was down
        found.figures[f"attempts, all {kind}"] = attempts
        _say(f"  all {kind}: {run.failed} of {len(run.samples)} failed {run.errors}, attempts per call {attempts}")


def _ours_alone(found: Measured, runs: Session, plan: Plan) -> None:
    """What only ours can tell, or has at all."""
    figures = found.figures
    long = runs.fault("get", "refuse", after=plan.hold)
    figures["first again"] = long.first_again_after
    starved = found.runs["get", "starved"] = runs.starved()
    figures["ejections, starved"] = sum(change[3] == "ejected" for change in starved.watched.get("changes", ()))
    closed = runs.closing()
    figures["left"] = closed["tasks"] + closed["files"] + closed["arrived"]
    figures["closing"] = closed["seconds"]
    figures["discoveries"] = runs.cold_discovery()
    figures["testing"] = runs.crowd()
    at_health = sum(a.authorized for run in found.runs.values() for a in run.journal if a.route == "endpoints.health")
    figures["keys astray"] = at_health + runs.redirected()
    figures["price"] = virtual.price_of_a_call()
    figures["checks, first hour"] = virtual.probes_in_an_hour(hour=1)
    figures["checks, later hour"] = virtual.probes_in_an_hour(hour=5)
    figures["toggling, changes"], figures["toggling, failed"] = virtual.toggling()
    figures["bans changed"], figures["checks after suspend"] = virtual.clocks()


def measure(plan: Plan, gateways: Gateways, *, peers: bool) -> dict[str, Measured]:
    """Ours, then the others that can be run here."""
    measured: dict[str, Measured] = {}
    for peer, (calls, rate) in {OURS: (("get", "chat"), plan.rate), **(PEERS if peers else {})}.items():
        found, own = Measured(), dataclasses.replace(plan, rate=rate)
        try:
            with session(peer, gateways, own) as runs:
                _say(f"{peer.name} {runs.versions}")
                found.versions = runs.versions
                _faults(found, runs, calls)
                _all_down(found, runs, calls[0], own)
                if peer is OURS:
                    _ours_alone(found, runs, plan)
        except WorkerError as problem:
            _say(f"{peer.name}: left out, {problem}")
            if peer is OURS:
                raise
        if found.runs:
            measured[peer.name if rate == plan.rate else f"{peer.name}, {rate:.0f}/s"] = found
    return measured


def _file(options: argparse.Namespace, plan: Plan, measured: dict[str, Measured], rows: list[list[str]]) -> str:
    name = "failover-tls" if options.tls or options.delay else "failover"
    path = RESULTS / f"{'local-quick-' if options.quick else ''}{name}.json"
    content: dict[str, Any] = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()},
        "load": {"calls_per_second": plan.rate, "fault_seconds": plan.fault, "service_ms": 20 + options.delay},
        "tls": options.tls,
        "goals": [line.to_json() for line in lines(measured, plan.rate)],
        "clients": {
            name: {
                "versions": found.versions,
                "runs": {f"{call} {kind}": run.summary() for (call, kind), run in found.runs.items()},
                "figures": found.figures,
            }
            for name, found in measured.items()
        },
    }
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")
    path.with_suffix(".md").write_text(as_markdown(rows) + "\n")
    return str(path.relative_to(RESULTS.parent.parent))


def main() -> int:
    """Entry point: measure, print the table, write the file. A goal that is missed is no failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="short faults: does it all run?")
    parser.add_argument("--tls", action="store_true", help="speak https")
    parser.add_argument("--delay", type=float, default=0.0, metavar="MS", help="added to every answer")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    with Gateways(delay=options.delay / 1000, tls=options.tls) as gateways:
        measured = measure(plan, gateways, peers=not options.no_peers)
    rows = rows_of(lines(measured, plan.rate), list(measured))
    _say("\n" + as_table(rows))
    _say(f"\nwritten to {_file(options, plan, measured, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
