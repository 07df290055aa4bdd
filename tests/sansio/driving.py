"""An endpoint pool whose clock is a number, and a world in which endpoints fail as told, for the tests of the pool."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick, Report, State
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint, EndpointStatus

A, B, C, D = (f"https://{name}.example" for name in "abcd")


class Driver:
    """Three endpoints, A preferred to B preferred to C, unless told otherwise."""

    def __init__(
        self, priorities: Mapping[str, int] | None = None, *, policy: HealthPolicy | None = None, seed: int = 1
    ) -> None:
        self.now = 1000.0
        self.policy = policy or HealthPolicy()
        endpoints = [Endpoint(url, priority) for url, priority in (priorities or {A: 30, B: 20, C: 10}).items()]
        self.pool = EndpointPool(endpoints, policy=self.policy, rng=random.Random(seed), now=self.now)

    def pick(self, safety: Safety = Safety.SAFE, *, tried: tuple[str, ...] = (), only: str | None = None) -> Pick:
        """A pick that must be there."""
        pick = self.pool.pick(now=self.now, safety=safety, tried=tried, only=only)
        assert pick is not None
        return pick

    def report(self, pick: Pick, report: Report, **details: object) -> None:
        """Give a pick back now."""
        self.pool.report(pick, report, now=self.now, **details)  # type: ignore[arg-type]

    def tell(self, url: str, *reports: Report, safety: Safety = Safety.SAFE) -> None:
        """One call after the other to one endpoint, each ending as said."""
        for report in reports:
            self.report(self.pick(safety, only=url), report, detail=report.value)

    def probe(self, url: str, report: Report, **details: object) -> None:
        """One health check or bare connection, ending as said."""
        pick = self.pool.begin_probe(url, now=self.now)
        assert pick is not None
        self.report(pick, report, **details)

    def status(self, url: str) -> EndpointStatus:
        """What a reader sees of one endpoint."""
        snapshot = self.pool.snapshot(self.now, clock=lambda moment: datetime.fromtimestamp(moment, UTC))
        return next(status for status in snapshot if status.url == url)

    def state(self, url: str) -> State:
        """The state of one endpoint."""
        return State(self.status(url).state)

    def states(self) -> str:
        """The states of all endpoints by URL, in words."""
        return " ".join(self.state(url).value for url in sorted(endpoint.url for endpoint in self.pool.order(self.now)))

    def order(self) -> str:
        """The letters of the endpoints, best first."""
        return "".join(endpoint.url[8] for endpoint in self.pool.order(self.now))

    def heal(self, *urls: str) -> None:
        """Make endpoints healthy."""
        for url in urls:
            self.tell(url, Report.SUCCESS)
            assert self.state(url) is State.HEALTHY

    def eject(self, url: str) -> float:
        """Eject an endpoint by a refused connection; its pause."""
        self.tell(url, Report.HARD)
        ejected_for = self.status(url).ejected_for
        assert ejected_for is not None
        return ejected_for

    def bring(self, url: str, state: State) -> None:
        """Bring an endpoint into a state by what can really happen; the others are healthy."""
        self.heal(*(endpoint.url for endpoint in self.pool.endpoints if endpoint.url != url))
        match state:
            case State.UNKNOWN:
                return
            case State.HEALTHY:
                self.heal(url)
            case State.SUSPECT:
                self.heal(url)
                self.tell(url, Report.SOFT)
            case State.DRAINING:
                raise AssertionError("a configured endpoint never drains")
            case _:
                self.now += self.eject(url)
                if state is State.EJECTED:
                    self.now -= 0.001
                if state is State.HELD:
                    self.tell(url, Report.SUCCESS, Report.SUCCESS)
        assert self.state(url) is state

    def call(self, world: Callable[[str, float], Report], safety: Safety = Safety.SAFE, *, attempts: int = 3) -> int:
        """One call that goes from endpoint to endpoint until one answers; how many attempts failed, or -1 for all."""
        tried: tuple[str, ...] = ()
        for failed in range(attempts):
            pick = self.pool.pick(now=self.now, safety=safety, tried=tried)
            if pick is None:
                return -1
            report = world(pick.endpoint.url, self.now)
            self.report(pick, report, latency=0.02)
            if report is Report.SUCCESS:
                return failed
            tried = (*tried, pick.endpoint.url)
        return -1
