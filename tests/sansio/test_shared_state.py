"""What processes tell each other, and who asks next: moments are numbers, the file is a text that may say anything."""

from __future__ import annotations

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexevo_async._sansio.shared_state import (
    BadState,
    Pace,
    Record,
    SharedState,
    Turn,
    Verdict,
    Wish,
    read_state,
)

A, B = "https://a.example.com", "https://b.example.com"
NOW = 1_700_000_000.0
PACE = Pace(burst=2, every=300.0, claim=60.0)


def claim(state: SharedState, now: float, *wishes: Wish) -> tuple[SharedState, dict[str, object]]:
    after, claims = state.claim_checks(wishes or (Wish(url=A, fresh=240.0),), now, PACE)
    return after, attrs.asdict(claims)


def answered(state: SharedState, now: float, *, good: bool | None = True, wait: float = 0.0) -> SharedState:
    record = state.record(A)
    return state.with_records({A: attrs.evolve(record, turn=record.turn.done(now, wait=wait), good=good, checked=now)})


def test_the_first_asks_the_next_looks_again_and_then_reads_the_answer() -> None:
    state, first = claim(SharedState(), NOW)
    assert first == {"ask": (A,), "look_again": (), "known": {}}

    state, second = claim(state, NOW + 1)
    assert second == {"ask": (), "look_again": (A,), "known": {}}

    state, third = claim(answered(state, NOW + 2), NOW + 3)
    assert third == {"ask": (), "look_again": (), "known": {A: NOW + 2}}


def test_an_answer_is_good_for_as_long_as_the_asker_says() -> None:
    state, _ = claim(SharedState(), NOW)
    state = answered(state, NOW)

    assert claim(state, NOW + 239)[1]["known"] == {A: NOW}
    assert claim(state, NOW + 241)[1]["ask"] == (A,)
    assert claim(state, NOW + 10, Wish(url=A, fresh=6.0))[1]["ask"] == (A,)
    assert claim(state, NOW, Wish(url=A, fresh=0.0))[1]["ask"] == (A,)


def test_whoever_claimed_and_never_answered_is_taken_to_be_dead_after_a_minute() -> None:
    state, _ = claim(SharedState(), NOW)

    assert claim(state, NOW + 59)[1]["look_again"] == (A,)
    assert claim(state, NOW + 61)[1]["ask"] == (A,)


def test_all_processes_together_have_two_questions_in_hand_and_earn_one_in_five_minutes() -> None:
    state, asked = SharedState(), []
    for second in range(0, 4 * 3600, 7):
        state, claims = claim(state, NOW + second, Wish(url=A, fresh=0.0))
        if claims["ask"]:
            asked.append(second)
            state = answered(state, NOW + second)

    assert asked[:3] == [0, 7, 301]
    for start in asked:
        assert sum(start <= second < start + 3600 for second in asked) <= 13


def test_a_pressing_question_does_not_wait_for_its_turn_but_is_paid_for() -> None:
    state = SharedState()
    for _ in range(5):
        state, claims = claim(state, NOW, Wish(url=A, fresh=0.0, pressing=True))
        assert claims["ask"] == (A,)
        state = answered(state, NOW)

    assert claim(state, NOW + 299, Wish(url=A, fresh=0.0))[1]["ask"] == ()
    assert claim(state, NOW + 301, Wish(url=A, fresh=0.0))[1]["ask"] == (A,)


def test_a_wish_for_patience_holds_for_everybody_a_day_at_most() -> None:
    state = answered(claim(SharedState(), NOW)[0], NOW, good=None, wait=1e9)

    assert claim(state, NOW + 86_000, Wish(url=A, fresh=0.0))[1]["ask"] == ()
    assert claim(state, NOW + 86_401, Wish(url=A, fresh=0.0))[1]["ask"] == (A,)


def test_moments_in_the_future_count_as_never() -> None:
    """The clock was set back, or somebody wrote nonsense."""
    turn = Turn(claimed=NOW + 5000, answered=0.0, not_before=0.0, booked=NOW + 1e9)
    state = SharedState(endpoints={A: Record(turn=turn, good=True, checked=NOW + 5000)})

    assert claim(state, NOW)[1] == {"ask": (), "look_again": (), "known": {}}  # its debt is 300 s at most
    assert turn.wait(NOW, PACE) == 300.0
    assert claim(SharedState(endpoints={A: Record(good=True, checked=NOW + 1)}), NOW)[1]["ask"] == (A,)


@pytest.mark.parametrize(
    ("record", "news"),
    [
        (Record(), None),
        (Record(good=True, checked=NOW - 10), (True, NOW - 10)),
        (Record(good=False, checked=NOW - 10), (False, NOW - 10)),
        (Record(good=None, checked=NOW - 10), None),
        (Record(good=True, checked=NOW - 241), None),
        (Record(good=True, checked=NOW + 1), None),
        (Record(banned_at=NOW - 5, banned_until=NOW + 5), (False, NOW - 5)),
        (Record(banned_at=NOW - 5, banned_until=NOW - 1), None),
        (Record(banned_at=NOW - 5, banned_until=NOW + 1e6), None),
        (Record(banned_at=NOW + 5, banned_until=NOW + 10), None),
        (Record(good=True, checked=NOW - 3, banned_at=NOW - 5, banned_until=NOW + 5), (True, NOW - 3)),
        (Record(good=True, checked=NOW - 30, banned_at=NOW - 5, banned_until=NOW + 5), (False, NOW - 5)),
    ],
)
def test_the_news_about_an_endpoint_is_what_was_seen_last(record: Record, news: tuple[bool, float] | None) -> None:
    assert record.news(NOW, fresh=240.0, longest_ban=300.0) == news


def test_one_process_asks_discovery_and_the_others_wait_for_its_list() -> None:
    def ask(state: SharedState, now: float, fresh: float = 3600.0) -> tuple[SharedState, Verdict, float]:
        after, claim = state.claim_links(now, PACE, fresh=fresh, soon=1.0)
        return after, claim.verdict, claim.wait

    state, verdict, _ = ask(SharedState(), NOW)
    assert verdict is Verdict.ASK
    assert ask(state, NOW + 1)[1:] == (Verdict.LOOK_AGAIN, 1.0)
    assert ask(state, NOW + 61)[1] is Verdict.ASK  # it must be dead

    state = attrs.evolve(state, links=state.links.done(NOW + 2), fetched=NOW + 2, entries=((A, 1),))
    assert ask(state, NOW + 602)[1:] == (Verdict.NOT_NOW, 3000.0)
    assert ask(state, NOW + 602, fresh=300.0)[1] is Verdict.ASK
    assert ask(state, NOW + 3602)[1] is Verdict.ASK

    failed = attrs.evolve(state, links=state.links.done(NOW + 4000, wait=45.0))
    assert ask(failed, NOW + 4010)[1:] == (Verdict.NOT_NOW, 35.0)


# -- the text


def full() -> SharedState:
    turn = Turn(claimed=NOW, answered=NOW + 1, not_before=NOW + 2, booked=NOW + 3)
    record = Record(turn=turn, good=False, checked=NOW + 1, banned_at=NOW, banned_until=NOW + 9, flaps=2)
    return SharedState(
        endpoints={A: record, B: Record(checked=NOW)}, links=turn, fetched=NOW, entries=((A, 2), (B, -1))
    )


def test_what_is_written_is_read() -> None:
    assert read_state(full().encode(NOW)) == full()
    assert read_state(SharedState().encode(NOW)) == SharedState()


def test_what_is_a_day_old_or_beyond_sixty_four_endpoints_is_not_written() -> None:
    assert read_state(full().encode(NOW + 86_402)).endpoints == {}

    many = SharedState(endpoints={f"https://h{i}.example.com": Record(checked=NOW + i) for i in range(100)})
    kept = read_state(many.encode(NOW)).endpoints
    assert len(kept) == 64
    assert "https://h99.example.com" in kept


def spoiled(path: str, value: object) -> bytes:
    data = orjson.loads(full().encode(NOW))
    *way, last = path.split("/")
    place = data
    for step in way:
        place = place[{"A": A}.get(step, step)]
    place[last] = value
    return orjson.dumps(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00\xff",
        b"[" * 9000,
        b"{}",
        spoiled("schema", 2),
        spoiled("schema", "1"),
        spoiled("links", []),
        spoiled("links", None),
        spoiled("links/entries", None),
        spoiled("links/entries", "https://x"),
        spoiled("links/entries", [["https://x"]]),
        spoiled("links/entries", [["https://x", True]]),
        spoiled("links/entries", [[1, 1]]),
        spoiled("links/entries", [{"api": "https://x"}]),
        spoiled("links/fetched", -1),
        spoiled("links/fetched", 1e300),
        spoiled("links/booked", "soon"),
        spoiled("links/claimed", None),
        spoiled("endpoints", []),
        spoiled("endpoints", {f"u{i}": {} for i in range(65)}),
        spoiled("endpoints/A", None),
        spoiled("endpoints/A", 1),
        spoiled("endpoints/A/good", 1),
        spoiled("endpoints/A/good", "yes"),
        spoiled("endpoints/A/flaps", -1),
        spoiled("endpoints/A/flaps", 1.5),
        spoiled("endpoints/A/flaps", True),
        spoiled("endpoints/A/checked", False),
        spoiled("endpoints/A/banned_until", [1]),
    ],
)
def test_a_text_that_we_have_not_written_is_refused_as_a_whole(text: bytes) -> None:
    with pytest.raises(BadState):
        read_state(text)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_no_text_whatever_raises_anything_else(data: st.DataObject) -> None:
    text = bytearray(full().encode(NOW))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        if not text:
            break
    try:
        state = read_state(bytes(text))
    except BadState:
        return
    state.claim_checks([Wish(url=A, fresh=240.0)], NOW, PACE)
    state.encode(NOW)
