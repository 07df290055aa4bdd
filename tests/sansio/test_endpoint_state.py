"""The table itself: total, and with the properties that no history may break."""

from __future__ import annotations

import pickle

from nexevo_async._sansio.endpoint_state import TRANSITIONS, EndpointChange, Event, State


def test_the_table_answers_for_every_state_and_every_event() -> None:
    assert set(TRANSITIONS) == {(state, event) for state in State for event in Event}


def test_an_ejected_endpoint_comes_back_through_probation_only_unless_the_fault_was_ours() -> None:
    ways = {TRANSITIONS[State.EJECTED, event] for event in Event if event is not Event.LOCAL_FAULT}

    assert ways == {State.EJECTED, State.PROBATION, State.DRAINING}


def test_any_failure_on_probation_ejects() -> None:
    assert TRANSITIONS[State.PROBATION, Event.STRIKE] is State.EJECTED
    assert TRANSITIONS[State.PROBATION, Event.OUT] is State.EJECTED


def test_a_clock_gap_keeps_bans() -> None:
    kept = {state for state in State if TRANSITIONS[state, Event.DISTRUST] is state}

    assert kept == {State.UNKNOWN, State.EJECTED, State.PROBATION, State.DRAINING}


def test_only_the_list_brings_a_draining_endpoint_back() -> None:
    ways = {event for event in Event if TRANSITIONS[State.DRAINING, event] is not State.DRAINING}

    assert ways == {Event.LISTED}


def test_every_state_can_be_reached_and_left() -> None:
    reached = {after for (before, _), after in TRANSITIONS.items() if before is not after}

    assert reached == set(State)
    assert {before for (before, _), after in TRANSITIONS.items() if before is not after} == set(State)


def test_a_change_is_a_plain_value() -> None:
    change = EndpointChange("https://a.example", State.HEALTHY, State.EJECTED, "connect: refused", 12.5)

    assert pickle.loads(pickle.dumps(change)) == change
