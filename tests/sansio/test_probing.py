"""The timetable of health checks and of bare connections, with clocks that are numbers."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.probing import ProbeSchedule, ReconnectSchedule
from tests.sansio.driving import A, B, C

WALL = 1_700_000_000.0


def schedule(*urls: str, policy: HealthPolicy | None = None, seed: int = 1) -> ProbeSchedule:
    made = ProbeSchedule(policy=policy or HealthPolicy(), rng=random.Random(seed), now=0.0, wall=WALL)
    made.track(urls or (A, B, C), now=0.0)
    return made


def times(made: ProbeSchedule, *, until: float, extra: tuple[float, ...] = ()) -> dict[str, list[float]]:
    """When each endpoint is asked until then; at each moment of `extra`, extra checks of A are asked for as well."""
    asked: dict[str, list[float]] = {A: [], B: [], C: []}
    now, wishes = 0.0, sorted(extra)
    while True:
        now += made.next_in(now)
        while wishes and wishes[0] <= min(now, until):
            moment = wishes.pop(0)
            if made.ask_extra(A, now=moment):
                asked[A].append(moment)
        if now >= until:
            return asked
        for url in made.due(now):
            asked[url].append(now)


def test_the_first_checks_are_staggered_over_the_period() -> None:
    asked = times(schedule(), until=300.0)
    starts = sorted(moments[0] for moments in asked.values())

    assert [round(later - earlier) for earlier, later in pairwise(starts)] == [100, 100]


def test_processes_start_at_different_phases() -> None:
    starts = {times(schedule(seed=seed), until=300.0)[A][0] for seed in range(20)}

    assert len(starts) == 20
    assert max(starts) - min(starts) > 100.0


def test_checks_are_five_minutes_apart_give_or_take_a_tenth_of_the_period_on_each_side() -> None:
    moments = times(schedule(), until=86_400.0)[A]
    pauses = [later - earlier for earlier, later in pairwise(moments)]

    assert all(240.0 <= pause <= 360.0 for pause in pauses)
    assert len({round(pause, 3) for pause in pauses}) > 200
    assert len(moments) == 288  # jitter does not add up: a day holds its share


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(), extra=st.lists(st.floats(0.0, 4 * 3600.0), max_size=300))
def test_no_hour_meets_more_than_thirteen_checks_however_many_are_wished_for(seed: int, extra: list[float]) -> None:
    moments = sorted(times(schedule(seed=seed), until=4 * 3600.0, extra=tuple(extra))[A])

    for start in moments:
        assert sum(start <= moment < start + 3599.9 for moment in moments) <= 13
    assert sum(moment < 3599.9 for moment in moments) <= 13


def test_without_wishes_a_later_hour_meets_twelve() -> None:
    moments = times(schedule(), until=11 * 3600.0)[A]

    assert Counter(int(moment // 3600) for moment in moments[1:]).most_common()[0][1] <= 13
    assert len(moments) == 132


def test_an_extra_check_lives_on_the_spare_token() -> None:
    made = schedule()

    assert [made.ask_extra(A, now=1.0) for _ in range(3)] == [True, True, False]
    assert made.ask_extra(B, now=1.0)
    assert not made.ask_extra("https://gone.example", now=1.0)
    assert made.ask_extra(A, now=301.0)


def test_a_check_without_a_token_waits_for_one() -> None:
    made = schedule(A)
    start = made.next_in(0.0)
    while made.ask_extra(A, now=start):
        pass
    assert made.due(start) == ()

    wait = made.next_in(start)
    assert 0.0 < wait <= 300.0
    assert made.due(start + wait) == (A,)


def test_a_shorter_period_refills_faster() -> None:
    made = schedule(A, policy=HealthPolicy(probe_period=1.0))

    assert len(times(made, until=60.0)[A]) in (59, 60)


def test_no_period_means_no_checks() -> None:
    made = schedule(policy=HealthPolicy(probe_period=None))

    assert made.next_in(0.0) == float("inf")
    assert made.due(1e9) == ()
    assert not made.ask_extra(A, now=0.0)


def test_endpoints_join_and_leave_the_timetable_without_disturbing_the_others() -> None:
    made, undisturbed = schedule(A), schedule(A)
    made.track((A, B), now=10.0)
    assert set(made.due(1000.0)) == {A, B}
    made.track((A,), now=1000.0)
    undisturbed.due(1000.0)

    assert made.due(1e6) == (A,)
    made.track((), now=1e6)
    assert made.next_in(1e6) == float("inf")


def test_a_late_check_is_made_once_and_not_caught_up() -> None:
    made = schedule(A)

    assert made.due(10_000.0) == (A,)
    assert made.due(10_000.0) == ()
    assert 0.0 < made.next_in(10_000.0) <= 330.0


def test_a_check_of_another_process_counts_as_ours() -> None:
    made = schedule(A)
    start = made.next_in(0.0)
    made.heard(A, at=start - 5.0, now=start)
    made.heard("https://gone.example", at=0.0, now=start)

    assert made.due(start) == ()
    assert 265.0 <= made.next_in(start) <= 325.0


def test_a_check_of_another_process_that_we_have_paid_for_is_not_paid_for_again() -> None:
    made = schedule(A)
    assert made.ask_extra(A, now=1.0)
    made.heard(A, at=1.0, now=1.0, paid=True)

    assert made.ask_extra(A, now=1.0)
    assert not made.ask_extra(A, now=1.0)


def test_a_forked_process_asks_at_other_moments_than_its_parent() -> None:
    parent, child = schedule(A, B, C), schedule(A, B, C, seed=2)
    child.scatter(0.0)

    assert times(parent, until=300.0) != times(child, until=300.0)
    assert all(len(moments) == 1 for moments in times(schedule(A, B, C), until=299.0).values())


def test_twenty_processes_that_hear_each_other_ask_about_as_often_as_one() -> None:
    processes = [schedule(A, seed=seed) for seed in range(20)]
    asked = []
    for second in range(3600):
        for made in processes:
            if made.due(float(second)):
                asked.append(second)
                for other in processes:
                    if other is not made:
                        other.heard(A, at=float(second), now=float(second))

    assert len(asked) <= 15
    assert len(asked) >= 12


def test_a_wish_for_patience_is_honoured_and_never_brings_a_check_forward() -> None:
    made = schedule(A)
    made.due(made.next_in(0.0))
    made.postpone(A, 3600.0, now=300.0)
    made.postpone(A, 1.0, now=300.0)
    made.postpone("https://gone.example", 1.0, now=300.0)

    assert made.next_in(300.0) == 3600.0
    made.postpone(A, 1e9, now=300.0)
    assert made.next_in(300.0) == 86_400.0  # a longer wish is a mistake


def test_a_proven_endpoint_is_asked_all_the_same_unless_the_policy_says_otherwise() -> None:
    assert schedule(A).due(300.0, proven=(A,)) == (A,)

    saving = schedule(A, policy=HealthPolicy(skip_proven=True))
    assert saving.due(300.0, proven=(A,)) == ()
    assert saving.next_in(300.0) > 0.0
    assert saving.due(700.0) == (A,)


def test_checks_rest_when_nobody_calls_and_wake_with_the_next_call() -> None:
    made = schedule(A, policy=HealthPolicy(idle_stop=900.0))
    assert made.due(850.0) == (A,)
    assert made.due(1300.0) == ()
    assert made.next_in(1300.0) == float("inf")

    assert made.called(2000.0)
    assert not made.called(2001.0)
    assert made.due(2001.0) == (A,)


@pytest.mark.parametrize(
    ("grown", "grown_wall", "promised", "gap"),
    [
        (60.0, 60.0, None, False),
        (60.0, 89.0, None, False),
        (1.0, 3601.0, None, True),  # the machine slept, the monotonic clock stood still
        (60.0, -3540.0, None, True),  # somebody set the clock back
        (3600.0, 3600.0, 10.0, True),  # it slept, and the monotonic clock ran on
        (40.0, 40.0, 10.5, False),
    ],
)
def test_a_gap_between_the_clocks_is_noticed(
    grown: float, grown_wall: float, promised: float | None, gap: bool
) -> None:
    assert schedule().tick(grown, WALL + grown_wall, promised=promised) is gap


def test_a_gap_is_noticed_once_and_compared_from_tick_to_tick() -> None:
    made = schedule()
    for minute in range(1, 60):
        assert not made.tick(60.0 * minute, WALL + 61.0 * minute)  # a clock that drifts is not a gap

    assert made.tick(3600.0, WALL + 10_000.0)
    assert not made.tick(3660.0, WALL + 10_060.0)


def test_after_a_gap_every_endpoint_is_asked_once_within_ten_seconds() -> None:
    made = schedule()
    made.due(400.0)
    made.tick(401.0, WALL + 4000.0)
    asked = [url for tenth in range(101) for url in made.due(401.0 + tenth / 10)]

    assert sorted(asked) == [A, B, C]
    assert made.next_in(411.0) > 200.0


def reconnects(seed: int = 1) -> ReconnectSchedule:
    return ReconnectSchedule(policy=HealthPolicy(), rng=random.Random(seed))


def test_connections_are_tried_after_a_second_and_then_less_and_less_often() -> None:
    made, now, pauses = reconnects(), 0.0, []
    assert made.due((A,), now) == ()
    for _ in range(14):
        pause = made.next_in(now)
        assert made.due((A,), now + pause - 0.001) == ()
        now += pause
        assert made.due((A,), now) == (A,)
        pauses.append(pause)

    for step, pause in enumerate(pauses):
        middle = min(1.0 * 1.6**step, 60.0)
        assert 0.8 * middle <= pause <= 1.2 * middle
    assert max(pauses) <= 72.0


def test_an_endpoint_is_found_again_within_four_seconds_or_four_fifths_of_its_outage() -> None:
    """Whatever the jitter, and however long it was away; and never later than 72 s."""
    for seed in range(200):
        watch = ReconnectSchedule(policy=HealthPolicy(), rng=random.Random(seed))
        assert watch.due(["a"], 0.0) == ()
        now = 0.0
        while now < 900.0:  # it is repaired just after each of the connections that failed
            pause = watch.next_in(now)
            assert pause <= min(72.0, max(4.0, 0.8 * now)), (seed, now)
            now += pause
            assert watch.due(["a"], now) == ("a",)


def test_an_endpoint_that_came_back_starts_from_the_beginning_next_time() -> None:
    made, now = reconnects(), 0.0
    made.due((A,), now)
    for _ in range(5):
        now += made.next_in(now)
        made.due((A,), now)
    assert made.next_in(now) > 5.0
    made.due((), now)
    assert made.next_in(now) == float("inf")

    made.due((A,), now)
    assert made.next_in(now) <= 1.2
