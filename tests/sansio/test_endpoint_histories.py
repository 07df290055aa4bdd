"""Random histories of a pool, and what must hold in every one of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick, Report, State
from nexevo_async._sansio.endpoint_state import TRANSITIONS
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint, EndpointStatus

CONFIGURED = [Endpoint(f"https://{name}.example", priority) for name, priority in (("a", 9), ("b", 5), ("c", 5))]
LISTED = [Endpoint(f"https://{name}.example", priority) for name, priority in (("a", 1), ("x", 9), ("y", 7), ("z", 1))]
CALLS = sorted(set(Report) - {Report.PROBE_GOOD, Report.PROBE_BAD, Report.RECONNECTED}, key=lambda report: report.name)
PROBES = [
    Report.PROBE_GOOD,
    Report.PROBE_BAD,
    Report.PROBE_UNKNOWN,
    Report.RECONNECTED,
    Report.RECONNECT_FAILED,
]
FIT = {State.UNKNOWN, State.HEALTHY, State.HELD}


class History(RuleBasedStateMachine):
    """Calls, probes, lists, sleeps and forks in any order."""

    @initialize(seed=st.integers(0, 1000), count=st.integers(1, 3))
    def begin(self, seed: int, count: int) -> None:
        self.now = 100.0
        self.policy = HealthPolicy()
        endpoints = CONFIGURED[:count]
        self.pool = EndpointPool(endpoints, policy=self.policy, rng=random.Random(seed), now=self.now)
        self.configured = {endpoint.url for endpoint in endpoints}
        self.open: list[Pick] = []
        self.proven = set(self.configured)
        self.last: dict[str, State | None] = {}
        self.given_back: list[Pick] = []  # the latest of them
        self.ejections: dict[str, int] = {}
        self.unreachable: set[str] = set()  # a bare connection has failed: it is watched, and stays out for longer
        self.orphans: set[Pick] = set()  # in flight to an endpoint that has left since

    # -- what can happen

    @rule(safety=st.sampled_from(Safety), tried=st.sets(st.sampled_from([e.url for e in CONFIGURED + LISTED])))
    def pick(self, safety: Safety, tried: set[str]) -> None:
        pick = self.pool.pick(now=self.now, safety=safety, tried=tried)
        if pick is None:
            self._must_be_full()
            return
        assert pick.endpoint.url in self.proven, "a host that was never proven healthy would get the key"
        assert pick.panic or self._states()[pick.endpoint.url] not in (State.EJECTED, State.DRAINING)
        self.open.append(pick)

    @rule(safety=st.sampled_from(Safety), url=st.sampled_from([e.url for e in CONFIGURED + LISTED]))
    def pick_only(self, safety: Safety, url: str) -> None:
        pick = self.pool.pick(now=self.now, safety=safety, only=url)
        if pick is not None:
            assert pick.endpoint.url == url
            assert url in self.proven
            self.open.append(pick)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), vetoed=st.booleans(), latency=st.none() | st.floats(0.001, 10.0))
    def report(self, data: st.DataObject, vetoed: bool, latency: float | None) -> None:
        pick = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        report = data.draw(st.sampled_from(PROBES if pick.probe else CALLS))
        self._give_back(pick, report, vetoed=vetoed, latency=latency)
        self.pool.report(
            pick, Report.HARD, now=self.now
        )  # the second report of a pick does nothing: see the invariants

    @precondition(lambda self: self.open)
    @rule(report=st.sampled_from([Report.SUCCESS, Report.HARD, Report.SOFT, Report.STALL]))
    def report_all(self, report: Report) -> None:
        while self.open:
            pick = self.open.pop()
            self._give_back(pick, Report.PROBE_GOOD if pick.probe else report)

    @rule(urls=st.lists(st.sampled_from([e.url for e in CONFIGURED]), min_size=1, max_size=4))
    def go_down(self, urls: list[str]) -> None:
        """One after the other, so slowly that it is no fault of our own; or the same one again and again."""
        for url in urls:
            self.now += self.policy.local_fault_window + 0.1
            pick = self.pool.pick(now=self.now, safety=Safety.SAFE, only=url)
            if pick is not None:
                self._give_back(pick, Report.HARD)
                self.one_outage_is_one_strike()

    @precondition(lambda self: self.open)
    @rule()
    def release_all(self) -> None:
        while self.open:
            self.pool.release(self.open.pop())
        self._forget_who_left()

    @rule(url=st.sampled_from([e.url for e in CONFIGURED + LISTED]))
    def begin_probe(self, url: str) -> None:
        pick = self.pool.begin_probe(url, now=self.now)
        if pick is not None:
            self.open.append(pick)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.6, 1.0, 3.0, 6.0, 31.0, 75.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(listed=st.lists(st.sampled_from(LISTED), max_size=4))
    def replace(self, listed: list[Endpoint]) -> None:
        self.pool.replace(listed, now=self.now)
        self._forget_who_left()

    @rule(forked=st.booleans())
    def distrust(self, forked: bool) -> None:
        self.pool.distrust(self.now, forked=forked)
        if forked:
            self.open.clear()

    @rule(vetoed=st.booleans())
    def stalled(self, vetoed: bool) -> None:
        found = self.pool.stalled(self.now, vetoed=vetoed)
        assert not (vetoed and found)
        for url in found:
            assert self._states()[url] is State.EJECTED

    @rule(vetoed=st.booleans())
    def silenced(self, vetoed: bool) -> None:
        found = self.pool.silenced(self.now, vetoed=vetoed)
        assert not (vetoed and found)
        for url in found:
            assert self._states()[url] in (State.SUSPECT, State.EJECTED)

    @precondition(lambda self: self.given_back)
    @rule(data=st.data(), broke=st.booleans())
    def what_was_reported_looks_different_later(self, data: st.DataObject, broke: bool) -> None:
        """A stream that had been accepted breaks off, or another endpoint answers what this one could not."""
        pick = data.draw(st.sampled_from(self.given_back))
        late, before = self._is_late(pick), self._snapshot()
        if broke:
            self.pool.broke_off(pick, now=self.now, detail="broke off")
        else:
            self.pool.outdone([pick], now=self.now)
        assert not late or self._snapshot() == before, "a late report changed something"

    @rule(
        url=st.sampled_from([e.url for e in CONFIGURED + LISTED]),
        good=st.booleans(),
        ago=st.sampled_from([-1.0, 0.0, 1.0, 240.0]),
        flaps=st.integers(0, 20),
    )
    def hear(self, url: str, good: bool, ago: float, flaps: int) -> None:
        """Hearsay never ejects and never proves."""
        before = self._states()
        self.pool.hear(url, good=good, at=self.now - ago, now=self.now, flaps=flaps)
        ejected = {url for url, state in self._states().items() if state is State.EJECTED}
        assert ejected <= {url for url, state in before.items() if state is State.EJECTED}

    @rule(urls=st.sets(st.sampled_from([e.url for e in CONFIGURED + LISTED])))
    def retire(self, urls: set[str]) -> None:
        self.pool.retire(urls, now=self.now)
        self._forget_who_left()

    @rule()
    def ask_for_wishes(self) -> None:
        known = {endpoint.url for endpoint in self.pool.order(self.now)}
        assert set(self.pool.take_probe_wishes(self.now)) <= known
        assert set(self.pool.connect_checks(self.now)) <= known

    # -- what must hold

    @invariant()
    def never_empty(self) -> None:
        """A call gets an endpoint, or is told to wait for as many others as panic allows."""
        pick = self.pool.pick(now=self.now, safety=Safety.UNSAFE)
        if pick is None:
            self._must_be_full()
        else:
            self.pool.release(pick)

    @invariant()
    def a_slot_that_nobody_has_is_free(self) -> None:
        taken = {pick.endpoint.url for pick in self.open if pick.probation and pick not in self.orphans}
        for url, state in self._states().items():
            if state is State.PROBATION and url not in taken:
                probe = self.pool.begin_probe(url, now=self.now)
                assert probe is not None, "a slot was not given back"
                self.pool.release(probe)

    @invariant()
    def the_order_is_a_permutation(self) -> None:
        order = [endpoint.url for endpoint in self.pool.order(self.now)]
        assert len(set(order)) == len(order)
        assert set(order) >= self.configured
        assert order == [status.url for status in self._snapshot()]

    @invariant()
    def the_log_of_changes_has_no_gaps_and_one_outage_ejects_once(self) -> None:
        self.pool.order(self.now)
        for change in self.pool.take_changes():
            assert change.before is self.last.get(change.url)
            if change.before is not None and change.after is not None and change.before is not change.after:
                assert change.after in {TRANSITIONS[change.before, event] for _, event in TRANSITIONS}
                if change.after is State.EJECTED:
                    self.ejections[change.url] = self.ejections.get(change.url, 0) + 1
            if change.after is None:
                self.ejections.pop(change.url, None)
                self.unreachable.discard(change.url)
            self.last[change.url] = change.after

    @invariant()
    def one_attempt_at_a_time_tests_an_endpoint(self) -> None:
        current: dict[str, list[int]] = {}
        for pick in self.open:
            if pick.probation and pick not in self.orphans:
                current.setdefault(pick.endpoint.url, []).append(pick.epoch)
        for epochs in current.values():
            assert len(set(epochs)) == len(epochs)

    @invariant()
    def one_outage_is_one_strike(self) -> None:
        """However many reports there were: the pause grows by one step for each ejection that was told."""
        self.the_log_of_changes_has_no_gaps_and_one_outage_ejects_once()
        for status in self._snapshot():
            if status.state == "ejected":
                assert status.ejected_for is not None
                longest = min(5.0 * 2 ** (self.ejections[status.url] - 1), 300.0)
                assert 0.0 < status.ejected_for <= (max(longest, 72.0) if status.url in self.unreachable else longest)

    def teardown(self) -> None:
        """Every slot comes back: with nothing in flight, everything can be brought back to health."""
        if not hasattr(self, "pool"):
            return
        while self.open:
            self.pool.release(self.open.pop())
        for _ in range(3):
            self.now += 700.0
            for url in self.proven & {endpoint.url for endpoint in self.pool.order(self.now)}:
                assert self.pool.waiting(url) == ()
                for _ in range(2):
                    pick = self.pool.pick(now=self.now, safety=Safety.SAFE, only=url)
                    assert pick is not None
                    self.pool.report(pick, Report.SUCCESS, now=self.now)
        states = self._states()
        assert {states[url] for url in self.configured} == {State.HEALTHY}

    # -- helpers

    def _give_back(self, pick: Pick, report: Report, **details: object) -> None:
        url = pick.endpoint.url
        late = self._is_late(pick)
        before = self._snapshot()
        self.pool.report(pick, report, now=self.now, detail="told", **details)  # type: ignore[arg-type]
        self._forget_who_left()
        self.given_back = [*self.given_back[-20:], pick]
        if report is Report.RECONNECT_FAILED:
            self.unreachable.add(url)
        if report is Report.PROBE_GOOD and not (late or details.get("vetoed") or pick in self.orphans):
            self.proven.add(url)
        if late or details.get("vetoed"):
            after = {status.url: status for status in self._snapshot()}
            assert all(after.get(status.url, status) == status for status in before), "a late report changed something"
            gone = {status.url for status in before} - set(after)
            assert gone <= {status.url for status in before if status.state == "draining"}

    def _forget_who_left(self) -> None:
        known = {endpoint.url for endpoint in self.pool.order(self.now)}
        self.proven &= known
        self.orphans.update(pick for pick in self.open if pick.endpoint.url not in known)

    def _is_late(self, pick: Pick) -> bool:
        probe = self.pool.begin_probe(pick.endpoint.url, now=self.now)
        if probe is None:
            return False  # it has left, drains, or is being tested: not known from outside
        self.pool.release(probe)
        return probe.epoch != pick.epoch

    def _must_be_full(self) -> None:
        states = self._states()
        assert not FIT & {states[url] for url in self.proven if url in states}
        assert State.SUSPECT not in {states[url] for url in self.proven if url in states}
        for url in self.configured:
            assert sum(pick.endpoint.url == url for pick in self.open) >= self.policy.panic_inflight

    def _snapshot(self) -> Sequence[EndpointStatus]:
        return self.pool.snapshot(self.now, clock=lambda moment: datetime.fromtimestamp(moment, UTC))

    def _states(self) -> dict[str, State]:
        return {status.url: State(status.state) for status in self._snapshot()}


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
