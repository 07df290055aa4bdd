"""One call: which endpoint next, how long to wait, whether to try again, and what to raise. No loop, no socket."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexevo_async._messages import AttemptFailed, Delivery, FailureKind, Request, Safety
from nexevo_async._sansio.actions import Fail, Send, Wait
from nexevo_async._sansio.call import Call
from nexevo_async._sansio.endpoint_pool import Pick, Report
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    InternalServerError,
    NexevoError,
    NotAnAPIResponseError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitError,
)
from nexevo_async.models.endpoints import Endpoint
from tests.sansio.calling import CUT, HTML, NOTHING, QUOTA, START, TEXT, WALL, A, B, C, End, Story, World, answer

REFUSED, RESET, STALE, SILENT, BROKEN = (
    FailureKind.REFUSED,
    FailureKind.RESET,
    FailureKind.STALE,
    FailureKind.SILENT,
    FailureKind.BROKEN,
)
EVERY = tuple(Safety)
READS = (Safety.SAFE, Safety.IDEMPOTENT)


def run(safety: Safety, *ends: End, world: World | None = None, total: float | None = 600.0) -> Story:
    world = world or World()
    story = world.run(world.call(safety, total=total), ends)
    assert world.nothing_open()
    return story


# -- the plain path


@pytest.mark.parametrize("safety", EVERY)
def test_a_good_answer_ends_the_call_at_once(safety: Safety) -> None:
    story = run(safety, 200)
    assert (story.bases, story.waits, story.succeeded, story.call.attempts) == ("a", [], True, ())


@pytest.mark.parametrize("safety", EVERY)
@pytest.mark.parametrize("kind", [REFUSED, FailureKind.DNS, FailureKind.CONNECT_TIMEOUT, FailureKind.CERTIFICATE])
def test_what_never_left_goes_to_the_next_endpoint_at_once_whatever_the_call(safety: Safety, kind: FailureKind) -> None:
    story = run(safety, kind, kind, 200)
    assert (story.bases, story.waits, story.succeeded) == ("abc", [], True)


@pytest.mark.parametrize("safety", READS)
@pytest.mark.parametrize("end", [RESET, SILENT, BROKEN, 500, 502, 503, 504, 521, HTML, 307, CUT, TEXT])
def test_a_read_goes_elsewhere_after_every_failure_that_another_endpoint_may_not_have(safety: Safety, end: End) -> None:
    story = run(safety, end, 200)
    assert (story.bases, story.waits, story.succeeded) == ("ab", [], True)


@pytest.mark.parametrize("end", [400, 401, 402, 403, 404, 409, 413, 422, QUOTA])
@pytest.mark.parametrize("safety", EVERY)
def test_a_refusal_is_raised_at_once(safety: Safety, end: End) -> None:
    story = run(safety, end)
    assert story.bases == "a"
    assert isinstance(story.error, APIStatusError)
    assert not isinstance(story.error, RateLimitError)


def test_a_quota_is_not_a_rate_limit() -> None:
    assert isinstance(run(Safety.SAFE, QUOTA).error, QuotaExceededError)


# -- what may have arrived


@pytest.mark.parametrize(
    "end", [RESET, SILENT, BROKEN, STALE, FailureKind.MALFORMED, 500, 502, 503, 504, 521, 524, CUT, TEXT]
)
def test_an_unsafe_call_that_may_have_arrived_is_never_repeated(end: End) -> None:
    story = run(Safety.UNSAFE, end)
    assert story.bases == "a"
    assert isinstance(story.error, OutcomeUnknownError)
    assert (story.error.delivery, story.error.look_at, story.error.maybe_delivered) == ("maybe", "keys.list", True)
    assert story.error.__cause__ is not None


@pytest.mark.parametrize("safety", [Safety.UNSAFE, Safety.KEYED])
@pytest.mark.parametrize("end", [HTML, 301])
def test_a_wrong_base_url_is_said_to_be_one_even_for_calls_that_make_something(safety: Safety, end: End) -> None:
    """Nothing was made by an answer that does not come from the API."""
    story = run(safety, end)
    assert story.bases == "a"
    assert not isinstance(story.error, OutcomeUnknownError)
    assert isinstance(story.error, NotAnAPIResponseError if end is HTML else APIStatusError)


@pytest.mark.parametrize("safety", [Safety.UNSAFE, Safety.KEYED])
def test_an_answer_that_breaks_off_is_kept_when_the_outcome_is_unknown(safety: Safety) -> None:
    """It is the only trace of what was made."""
    error = run(safety, CUT).error
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.__cause__, APIResponseValidationError)
    assert error.__cause__.body == '{"key_id": "k-1", "secr'


@pytest.mark.parametrize("safety", [Safety.UNSAFE, Safety.KEYED, Safety.IDEMPOTENT])
def test_a_write_may_be_answered_with_nothing(safety: Safety) -> None:
    assert run(safety, NOTHING).succeeded


@pytest.mark.parametrize("end", [CUT, TEXT, NOTHING])
def test_chats_that_are_answered_with_what_nobody_can_read_go_elsewhere_after_three(end: End) -> None:
    world = World()
    stories = [run(Safety.BILLABLE, end, world=world) for _ in range(3)]
    assert [story.bases for story in stories] == ["a", "b", "c"]  # a base under suspicion is preferred no longer
    assert all(isinstance(story.error, APIResponseValidationError) for story in stories)


def test_answers_that_turn_out_to_be_unreadable_send_the_next_calls_elsewhere_once_two_kinds_have_met_them() -> None:
    world = World()
    bases = ""
    for safety in (Safety.SAFE, Safety.SAFE, Safety.BILLABLE, Safety.SAFE):
        story = run(safety, 200, world=world)
        story.call.unreadable(world.now)
        bases += story.bases
    assert bases == "aaab"


def test_what_a_path_of_the_callers_own_answers_says_nothing_against_the_endpoint() -> None:
    world = World()
    for shape in ("GET /a", "GET /b", "GET /c"):
        request = Request(name="request", method="GET", path="/x", safety=Safety.SAFE, shape=shape)
        call = Call(request, world.shared, world.policy, now=world.now, total=None, attempt_limit=None)
        assert world.run(call, [200]).bases == "a"
        call.unreadable(world.now)


def test_an_unsafe_call_waits_and_repeats_after_a_rate_limit() -> None:
    story = run(Safety.UNSAFE, answer(429, Retry_After="2"), 200)
    assert (story.bases, story.waits, story.succeeded) == ("aa", [2.0], True)


def test_an_unsafe_call_that_was_rate_limited_and_then_refused_cannot_have_happened() -> None:
    story = run(Safety.UNSAFE, answer(429, Retry_After="0"), REFUSED, REFUSED)
    assert isinstance(story.error, APIConnectionError)
    assert story.error.delivery == "never"


@pytest.mark.parametrize("end", [RESET, 504, 520, 524])
def test_a_paid_call_that_may_have_arrived_is_sent_elsewhere_once(end: End) -> None:
    story = run(Safety.BILLABLE, end, end, 200)
    assert (story.bases, story.waits) == ("ab", [])
    assert isinstance(story.error, NexevoError)


@pytest.mark.parametrize("end", [SILENT, BROKEN, FailureKind.MALFORMED, 500, HTML, CUT, TEXT, NOTHING])
def test_a_paid_call_is_not_repeated_when_the_answer_was_on_its_way_or_the_model_is_slow(end: End) -> None:
    assert run(Safety.BILLABLE, end).bases == "a"


@pytest.mark.parametrize(("took", "bases"), [(4.9, "ab"), (5.0, "a"), (30.0, "a")])
def test_an_old_paid_attempt_is_not_repeated_because_its_duplicate_would_cost_as_much(took: float, bases: str) -> None:
    assert run(Safety.BILLABLE, RESET, 200, world=World(took=took)).bases == bases


def test_resent_paid_calls_have_an_allowance_of_their_own() -> None:
    world = World(policy=RetryPolicy(bounded_reserve=2.0, bounded_ratio=0.0))
    assert [len(run(Safety.BILLABLE, RESET, 200, world=world).sent) for _ in range(4)] == [2, 2, 1, 1]


def test_a_caller_can_forbid_every_repeat_of_a_paid_call_that_may_have_arrived() -> None:
    world = World(policy=RetryPolicy(repeat_billable=False))
    assert run(Safety.BILLABLE, RESET, 200, world=world).bases == "a"
    assert run(Safety.BILLABLE, REFUSED, 200, world=World(policy=world.policy)).bases == "ab"


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.KEYED])
def test_a_stale_connection_is_replaced_once_at_the_same_endpoint(safety: Safety) -> None:
    story = run(safety, STALE, 200)
    assert (story.bases, story.waits, story.succeeded) == ("aa", [], True)


def test_a_paid_call_whose_connection_was_stale_goes_elsewhere_because_it_is_sent_again_only_once() -> None:
    story = run(Safety.BILLABLE, STALE, 200)
    assert (story.bases, story.waits, story.succeeded) == ("ab", [], True)
    alone = run(Safety.BILLABLE, STALE, 200, world=World([A]))
    assert (alone.bases, alone.waits, alone.succeeded) == ("aa", [], True)
    assert not run(Safety.BILLABLE, STALE, STALE, 200).succeeded
    assert not run(Safety.BILLABLE, STALE, RESET, 200).succeeded


def test_two_stale_connections_in_a_row_do_not_fail_a_read() -> None:
    story = run(Safety.SAFE, STALE, STALE, 200)
    assert (story.bases, story.succeeded) == ("aab", True)


def test_a_stale_connection_takes_no_attempt_away_from_the_other_endpoints() -> None:
    assert run(Safety.SAFE, STALE, RESET, RESET).bases == "aabc"
    assert run(Safety.SAFE, STALE, RESET, STALE).bases == "aabc"
    assert not run(Safety.SAFE, STALE, RESET, RESET, RESET).succeeded
    single = World(policy=RetryPolicy(max_attempts=1))
    assert run(Safety.SAFE, STALE, world=single).bases == "a"


@pytest.mark.parametrize("first", [STALE, RESET, 504, 500])
@pytest.mark.parametrize("second", [STALE, RESET, 504, 500])
def test_a_paid_call_is_repeated_once_after_anything_that_may_have_been_done(first: End, second: End) -> None:
    """Of whatever kind: three arrivals would be paid three times."""
    world = World(policy=RetryPolicy(repeat_server_error=True))
    story = run(Safety.BILLABLE, first, second, 200, world=world)
    assert (len(story.sent), story.succeeded) == (2, False)


def test_a_paid_call_that_was_turned_away_on_its_repeat_goes_on() -> None:
    """A base that restarts closes its connections, and then refuses."""
    assert run(Safety.BILLABLE, STALE, REFUSED, 503, 200).bases == "abca"
    assert run(Safety.BILLABLE, 503, STALE, 503, 200).bases == "abcb"


@pytest.mark.parametrize(("took", "bases"), [(0.9, "aa"), (1.5, "a")])
def test_a_reused_connection_that_breaks_late_was_not_stale(took: float, bases: str) -> None:
    """After a second the server may well have begun to work: then it counts as lost, with all that goes with it."""
    policy = RetryPolicy(bounded_reserve=0.0, bounded_ratio=0.0)  # of the allowance that only lost ones need
    only = World([A], took=took, policy=policy)
    assert run(Safety.BILLABLE, STALE, 200, world=only).bases == bases


# -- calls with an idempotency key


def test_a_keyed_call_stays_with_the_endpoint_where_it_may_have_arrived() -> None:
    story = run(Safety.KEYED, RESET, RESET, 200)
    assert (story.bases, story.succeeded) == ("aaa", True)
    assert len(story.waits) == 2


def test_a_keyed_call_goes_elsewhere_while_it_cannot_have_arrived() -> None:
    assert run(Safety.KEYED, REFUSED, 200).bases == "ab"


@pytest.mark.parametrize("next_end", [200, 429, REFUSED])
def test_a_keyed_call_waits_where_it_was_rate_limited(next_end: End) -> None:
    """Also if its endpoint is preferred no longer by then: that it was turned away there may be remembered."""
    world = World()
    call = world.call(Safety.KEYED)
    action = call.next_action(world.now)
    assert isinstance(action, Send)
    world.finish(call, 429)
    for _ in range(3):
        run(Safety.SAFE, 503, world=world)
    story = world.run(call, [next_end, 200])
    assert (set(story.bases), story.succeeded) == ({"a"}, True)


def test_a_keyed_call_waits_for_its_endpoint_even_when_that_refuses_later() -> None:
    """Nothing says that another endpoint would recognise the key; and hammering the same one helps nobody."""
    story = run(Safety.KEYED, RESET, REFUSED, REFUSED)
    assert story.bases == "aaa"
    assert len(story.waits) == 2
    assert isinstance(story.error, OutcomeUnknownError)


@pytest.mark.parametrize("end", [RESET, SILENT, 502, 503, 504])
def test_a_keyed_call_whose_repeats_are_used_up_has_an_unknown_outcome(end: End) -> None:
    story = run(Safety.KEYED, end, end, end)
    assert story.bases == "aaa"
    assert isinstance(story.error, OutcomeUnknownError)
    assert story.error.idempotency_key == "key-1"


def test_a_keyed_call_that_has_no_time_left_for_the_repeat_has_an_unknown_outcome() -> None:
    world = World(took=9.9999)
    story = run(Safety.KEYED, answer(503, Retry_After="5"), world=world, total=10.0)
    assert isinstance(story.error, OutcomeUnknownError)


def test_a_keyed_call_after_a_500_has_no_more_attempts_than_others() -> None:
    single = World([A], policy=RetryPolicy(max_attempts=2))
    assert run(Safety.KEYED, 500, RESET, 200, world=single).bases == "aa"


def test_a_keyed_call_after_a_500_waits_before_the_repeat() -> None:
    story = run(Safety.KEYED, 500, 200)
    assert (story.bases, len(story.waits)) == ("aa", 1)


@pytest.mark.parametrize("ends", [(429,), (429, 429, 429), (answer(429, Retry_After="1000000"),)])
def test_a_keyed_call_that_only_met_rate_limits_is_rate_limited_and_no_more(ends: tuple[End, ...]) -> None:
    world = World(policy=RetryPolicy(max_attempts=len(ends)))
    story = run(Safety.KEYED, *ends, world=world)
    assert type(story.error) is RateLimitError


def test_a_definite_no_after_a_lost_answer_is_told_as_what_it_is() -> None:
    story = run(Safety.KEYED, RESET, 400)
    assert type(story.error) is BadRequestError
    assert [attempt.problem for attempt in story.error.attempts] == ["connection lost before an answer", "refused"]


# -- how often


@pytest.mark.parametrize("safety", EVERY)
@pytest.mark.parametrize("end", [REFUSED, RESET, STALE, SILENT, BROKEN, 500, 502, 503, 429, HTML])
def test_no_retries_means_one_attempt_of_everything(safety: Safety, end: End) -> None:
    story = run(safety, end, world=World(policy=RetryPolicy(max_attempts=1)))
    assert (len(story.sent), story.waits) == (1, [])


def test_one_sweep_over_all_endpoints_is_free_for_what_never_left() -> None:
    urls = [f"https://{letter}.example" for letter in "abcdefg"]
    story = run(Safety.UNSAFE, *[REFUSED] * 6, 200, world=World(urls))
    assert (story.bases, story.succeeded) == ("abcdefg", True)


def test_after_the_sweep_it_is_over() -> None:
    urls = [f"https://{letter}.example" for letter in "abcdefg"]
    story = run(Safety.SAFE, *[REFUSED] * 50, world=World(urls))
    assert story.bases == "abcdefg"
    assert isinstance(story.error, APIConnectionError)
    assert story.error.delivery == "never"


def test_what_left_does_not_get_the_free_sweep() -> None:
    urls = [f"https://{letter}.example" for letter in "abcdefg"]
    assert run(Safety.SAFE, *[503] * 50, world=World(urls)).bases == "abc"


def test_a_single_endpoint_is_tried_again_after_a_wait() -> None:
    story = run(Safety.SAFE, 503, 503, 200, world=World([A]))
    assert story.bases == "aaa"
    assert 0.5 <= story.waits[0] <= 1.0 <= story.waits[1] <= 2.0


def test_an_ejected_alternative_is_no_reason_to_hammer_the_only_one_left() -> None:
    """There is somewhere else in the list, but not somewhere else to go."""
    world = World([A, B])
    world.run(world.call(), [200])
    world.tell(B, Report.HARD)
    story = run(Safety.SAFE, 500, 200, world=world)
    assert story.bases == "aa"
    assert len(story.waits) == 1


def test_an_outage_of_everything_does_not_become_a_storm() -> None:
    world = World(policy=RetryPolicy(retry_budget_cap=5.0, retry_budget_ratio=0.1, retry_budget_per_second=0.0), took=0)
    sent = sum(len(run(Safety.SAFE, 503, 503, 503, world=world).sent) for _ in range(100))
    assert 100 <= sent <= 100 + 5 + 10


def test_budget_and_allowance_come_back_with_calls() -> None:
    policy = RetryPolicy(retry_budget_cap=1.0, retry_budget_ratio=0.5, retry_budget_per_second=0.0, max_attempts=2)
    world = World(policy=policy)
    lengths = [len(run(Safety.SAFE, 500, 200, world=world).sent) for _ in range(6)]
    assert lengths == [2, 1, 2, 1, 2, 1]


# -- waiting


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"Retry_After": "0"}, []),
        ({"Retry_After": "3"}, [3.0]),
        ({"Retry_After": "2.5"}, [2.5]),
        ({"Retry_After": formatdate(WALL + 7, usegmt=True)}, [7.0]),
        ({"Retry_After": formatdate(WALL - 700, usegmt=True)}, []),
        ({"X_RateLimit_Reset": "11"}, [11.0]),
        ({"Retry_After": "4", "X_RateLimit_Reset": "11"}, [4.0]),
        ({"Retry_After": "soon", "X_RateLimit_Reset": "11"}, [11.0]),
    ],
)
@pytest.mark.parametrize("safety", EVERY)
def test_pushback_is_obeyed_to_the_second(safety: Safety, headers: dict[str, str], waits: list[float]) -> None:
    story = run(safety, answer(429, **headers), 200)
    assert (story.bases, story.succeeded) == ("aa", True)
    assert story.waits == pytest.approx(waits)


@pytest.mark.parametrize("text", ["-1", "soon", "", "nan", "1e3", "inf"])
def test_pushback_that_makes_no_sense_is_replaced_by_our_own_wait(text: str) -> None:
    story = run(Safety.SAFE, answer(429, Retry_After=text), 200)
    (wait,) = story.waits
    assert 0.5 <= wait <= 1.0


@pytest.mark.parametrize("seconds", ["121", "1000000", "9" * 15])
def test_pushback_beyond_the_cap_is_raised_with_the_number(seconds: str) -> None:
    story = run(Safety.SAFE, answer(429, Retry_After=seconds), total=None)
    assert isinstance(story.error, RateLimitError)
    assert (story.waits, story.error.retry_after) == ([], float(seconds))


def test_pushback_up_to_the_cap_is_waited_for() -> None:
    assert run(Safety.SAFE, answer(429, Retry_After="120"), 200).waits == [120.0]


def test_pushback_past_the_deadline_is_not_begun() -> None:
    story = run(Safety.SAFE, answer(429, Retry_After="20"), total=10.0)
    assert isinstance(story.error, RateLimitError)
    assert (story.waits, story.error.retry_after) == ([], 20.0)


def test_a_rate_limit_does_not_move_calls_to_a_less_preferred_endpoint() -> None:
    """The limit belongs to the key, not to the endpoint; and it says nothing against the endpoint's health."""
    world = World()
    assert run(Safety.SAFE, answer(429, Retry_After="1"), 200, world=world).bases == "aa"
    assert world.pool.order(world.now)[0].url == A


def test_another_endpoint_is_tried_without_a_wait_even_if_this_one_asks_for_one() -> None:
    story = run(Safety.SAFE, answer(503, Retry_After="60"), 200)
    assert (story.bases, story.waits) == ("ab", [])


def test_the_clients_own_limit_spaces_the_calls() -> None:
    world = World(rate_limit=60, took=0)
    starts = [run(Safety.SAFE, 200, world=world).sent[0].at - START for _ in range(4)]
    assert starts == pytest.approx([0, 1, 2, 3])


def test_the_clients_own_limit_is_not_waited_for_past_the_deadline_and_the_turn_is_given_back() -> None:
    world = World(rate_limit=60, took=0)
    for _ in range(3):
        world.call()
    story = world.run(world.call(total=2.0), [])
    assert isinstance(story.error, APITimeoutError)
    assert (story.sent, story.error.delivery) == ([], "never")
    assert "rate_limit" in str(story.error)
    assert world.shared.bucket is not None
    assert world.shared.bucket.reserve(world.now) == START + 3.0


# -- the deadline


def test_every_attempt_gets_what_is_left_of_the_call() -> None:
    world = World(took=4.0)
    call = world.call(Safety.SAFE, total=10.0, attempt_limit=None)
    untils = []
    for end in (503, 503, 200):
        action = call.next_action(world.now)
        assert isinstance(action, Send)
        untils.append((action.until, action.ends))
        world.now += world.took
        world.finish(call, end)
    assert untils == [(START + 10.0, "total")] * 3


@pytest.mark.parametrize("safety", EVERY)
def test_only_calls_that_may_be_repeated_freely_have_a_limit_for_one_attempt(safety: Safety) -> None:
    """Cutting a paid or unsafe call short would mean paying twice, or doing it twice."""
    action = World().call(safety, total=100.0, attempt_limit=30.0).next_action(START)
    assert isinstance(action, Send)
    expected = (START + 30.0, "attempt") if safety in READS else (START + 100.0, "total")
    assert (action.until, action.ends) == expected


def test_no_attempt_starts_after_the_deadline_and_the_error_keeps_the_last_failure() -> None:
    world = World(took=6.0)
    story = run(Safety.SAFE, 503, 503, 200, world=world, total=10.0)
    assert story.bases == "ab"
    assert isinstance(story.error, APITimeoutError)
    assert (story.error.limit, story.error.seconds, len(story.error.attempts)) == ("total", 10.0, 2)
    assert isinstance(story.error.__cause__, InternalServerError)


def test_a_read_that_got_no_answer_in_time_names_the_deadline() -> None:
    silent = AttemptFailed(FailureKind.SILENT, limit="total")
    story = run(Safety.SAFE, silent, world=World(took=10.0), total=10.0)
    assert isinstance(story.error, APITimeoutError)
    assert "the deadline of the whole call of 10 s passed (timeout.total)" in str(story.error)


@pytest.mark.parametrize(
    "kind", [FailureKind.SILENT, FailureKind.CONNECT_TIMEOUT, FailureKind.BROKEN], ids=lambda kind: kind.name
)
def test_a_limit_that_passed_while_our_own_loop_was_late_says_nothing_against_the_endpoint(kind: FailureKind) -> None:
    world = World()
    late = AttemptFailed(kind, limit="attempt", late=True)
    for _ in range(5):
        assert run(Safety.SAFE, late, world=world).bases == "ab"
    assert run(Safety.SAFE, world=world).bases == "a"


def test_our_own_deadline_says_nothing_against_the_endpoint() -> None:
    world = World(took=0.05)
    silent = AttemptFailed(FailureKind.SILENT, limit="total")
    for _ in range(5):
        run(Safety.SAFE, silent, world=world, total=0.05)
    assert world.pool.order(world.now)[0].url == A


# -- panic


def everything_down() -> tuple[World, list[Call]]:
    """Both endpoints ejected, one after the other, and as many calls trying them as may."""
    world = World([A, B], health=HealthPolicy(eject_base=100.0, panic_inflight=2))
    world.run(world.call(), [200])
    for url in (B, A):
        world.now += 10.0
        world.tell(url, Report.HARD)
    assert world.pool.in_panic(world.now)
    busy: list[Call] = []
    for _ in range(4):
        busy.append(world.call(Safety.UNSAFE))
        assert isinstance(busy[-1].next_action(world.now), Send)
    return world, busy


def test_a_call_waits_a_moment_for_others_when_everything_is_down_and_being_tried() -> None:
    world, busy = everything_down()
    world.shared.panic_wait = 0.9
    story = world.run(world.call(), [])
    assert story.sent == []
    assert sum(story.waits) == pytest.approx(0.9)
    assert "every endpoint is down" in str(story.error)
    assert isinstance(story.error, APIConnectionError)
    assert story.error.delivery == "never"
    for other in busy:
        other.cancelled()
    assert world.nothing_open()


def test_attempts_that_hang_keep_others_away_for_a_second_only() -> None:
    """Else a few chats that hang would keep every call away until their time limit, long after the repair."""
    world, _ = everything_down()
    story = world.run(world.call(), [])
    assert [sent.at - START for sent in story.sent] == [pytest.approx(21.0, abs=0.03)]
    assert story.succeeded


def test_a_thousand_calls_that_wait_for_others_take_turns_to_look() -> None:
    world, _ = everything_down()
    looks = []
    for _ in range(1000):
        action = world.call().next_action(world.now)
        assert isinstance(action, Wait)
        looks.append(action.seconds)
    assert looks == sorted(looks)
    assert looks[0] == pytest.approx(0.02)
    assert looks[-1] == pytest.approx(0.52, abs=0.001)


def test_a_wait_in_panic_does_not_cross_the_deadline() -> None:
    world, _ = everything_down()
    story = world.run(world.call(total=0.03), [])
    assert sum(story.waits) <= 0.03
    assert isinstance(story.error, APIConnectionError)


def test_a_call_in_panic_goes_on_as_soon_as_another_one_gets_an_answer() -> None:
    world, busy = everything_down()
    call = world.call()
    assert isinstance(call.next_action(world.now), Wait)
    world.finish(busy[0], 200)
    assert isinstance(call.next_action(world.now), Send)


def test_in_panic_a_second_attempt_comes_out_of_the_budget() -> None:
    world, busy = everything_down()
    for other in busy:
        other.cancelled()
    while world.shared.budget.spend(world.now):
        pass
    assert len(world.run(world.call(), [REFUSED, REFUSED, REFUSED], took=0).sent) == 1


# -- the story


def test_the_error_tells_every_attempt() -> None:
    world = World(took=0.5)
    story = run(
        Safety.SAFE, REFUSED, AttemptFailed(RESET, "Connection reset by peer"), answer(503, code="busy"), world=world
    )
    told = [
        (attempt.base_url, attempt.status, attempt.problem, attempt.delivered, attempt.seconds)
        for attempt in story.error.attempts
    ]
    assert told == [
        (A, None, "connection refused", Delivery.NEVER, 0.5),
        (B, None, "connection lost before an answer: Connection reset by peer", Delivery.MAYBE, 0.5),
        (C, 503, "busy", Delivery.MAYBE, 0.5),
    ]
    assert story.error.attempts == story.call.attempts
    assert str(story.error) == (
        "safe.call: No. (HTTP 503 busy, after 3 attempts at https://a.example, https://b.example, https://c.example)"
    )


def test_a_call_that_succeeds_in_the_end_remembers_what_failed() -> None:
    story = run(Safety.SAFE, 503, 200)
    assert [attempt.status for attempt in story.call.attempts] == [503]


def test_the_verdict_stays() -> None:
    world = World()
    call = world.call()
    story = world.run(call, [404])
    assert call.next_action(world.now + 1000) == story.outcome


# -- leaving early


def test_cancelling_gives_the_endpoint_back_and_holds_nothing_against_it() -> None:
    world = World()
    call = world.call()
    assert isinstance(call.next_action(world.now), Send)
    call.cancelled()
    assert world.nothing_open()
    assert world.pool.order(world.now)[0].url == A
    call.cancelled()  # and nothing happens when it is said twice


def test_cancelling_a_call_that_waits_for_its_turn_gives_the_turn_back() -> None:
    world = World(rate_limit=60)
    world.call()
    waiting = world.call()
    assert waiting.next_action(world.now) == Wait(1.0)
    waiting.cancelled()
    assert world.call().next_action(world.now) == Wait(1.0)


def test_an_accepted_stream_gives_the_endpoint_back() -> None:
    world = World()
    call = world.call(Safety.BILLABLE)
    assert isinstance(call.next_action(world.now), Send)
    call.accepted(world.now)
    assert world.nothing_open()


# -- two attempts in a race


def racing() -> tuple[World, Call, Pick, Pick]:
    world = World()
    call = world.call()
    first = call.next_action(world.now)
    assert isinstance(first, Send)
    second = call.hedge(world.now)
    assert second is not None
    assert second.endpoint.url == B
    return world, call, first.pick, second


@pytest.mark.parametrize("winner", [0, 1])
def test_the_answer_of_a_race_counts_and_the_other_attempt_is_given_back(winner: int) -> None:
    world, call, *picks = racing()
    call.won_race(picks[winner])
    call.left_race(picks[1 - winner])
    world.finish(call, 200)
    assert world.run(call, []).succeeded
    assert world.nothing_open()
    assert call.attempts == ()


@pytest.mark.parametrize("loser", [0, 1])
def test_a_racer_that_breaks_is_noted_and_the_other_goes_on(loser: int) -> None:
    world, call, *picks = racing()
    call.lost_race(picks[loser], picks[1 - loser], AttemptFailed(RESET), world.now)
    call.won_race(picks[1 - loser])
    world.finish(call, 200)
    assert world.run(call, []).succeeded
    assert world.nothing_open()
    assert [attempt.base_url for attempt in call.attempts] == [(A, B)[loser]]


def test_when_both_racers_break_the_call_goes_to_an_endpoint_that_neither_tried() -> None:
    world, call, first, second = racing()
    call.lost_race(first, second, AttemptFailed(RESET), world.now)
    world.finish(call, RESET)
    story = world.run(call, [200])
    assert (story.bases, story.succeeded) == ("c", True)
    assert world.nothing_open()


def test_there_is_no_race_without_a_second_endpoint_that_is_fit() -> None:
    world = World([A])
    call = world.call()
    call.next_action(world.now)
    assert call.hedge(world.now) is None
    call.cancelled()
    assert world.nothing_open()


# -- whatever happens

FAILURES = st.sampled_from([*FailureKind, 400, 429, 500, 502, 503, 504, 521, 524, 301, QUOTA, HTML, CUT])
ENDS = st.lists(st.tuples(FAILURES, st.floats(0.0, 8.0)), max_size=12)


def executed(end: End) -> bool:
    """Whether the request may have been carried out there."""
    if isinstance(end, FailureKind):
        return end.delivery is Delivery.MAYBE
    status = end if isinstance(end, int) else end.status
    return status not in (429, 400, 301) and end is not HTML


@settings(max_examples=400)
@given(
    ends=ENDS,
    safety=st.sampled_from(EVERY),
    attempts=st.integers(1, 6),
    bases=st.integers(1, 4),
    total=st.none() | st.floats(0.1, 60.0),
    repeat=st.booleans(),
    seed=st.integers(0, 5),
)
@example(ends=[(429, 0.0)] * 6, safety=Safety.KEYED, attempts=3, bases=1, total=None, repeat=True, seed=0)
def test_whatever_happens_nothing_is_done_twice_that_must_not_be(
    ends: list[tuple[End, float]],
    safety: Safety,
    attempts: int,
    bases: int,
    total: float | None,
    repeat: bool,
    seed: int,
) -> None:
    """For random sequences of failures: few attempts, no dangerous repeat, no late wait, every pick given back."""
    urls = [A, B, C, "https://d.example"][:bases]
    world = World(urls, policy=RetryPolicy(max_attempts=attempts, repeat_billable=repeat), seed=seed)
    call = world.call(safety, total=total, attempt_limit=None)
    made: list[tuple[str, End, float]] = []
    script = iter(ends)
    accepted, steps = False, 0
    while not accepted and not isinstance(action := call.next_action(world.now), Fail):
        steps += 1
        assert steps < 2000, "the call does not end"
        if isinstance(action, Wait):
            assert 0 < action.seconds <= world.policy.retry_after_cap
            assert call.deadline is None or world.now + action.seconds < call.deadline + 1e-9
            world.now += action.seconds
        else:
            assert call.deadline is None or world.now < call.deadline
            end, took = next(script, (200, 0.1))
            if action.until is not None and world.now + took > action.until:
                end, took = FailureKind.SILENT, action.until - world.now
            made.append((action.pick.endpoint.url, end, took))
            world.now += took
            accepted = world.finish(call, end)

    assert world.nothing_open()
    stale = attempts > 1 and safety is not Safety.KEYED and any(end is STALE for _, end, _ in made)
    assert len(made) <= max(attempts, bases) + stale
    dangerous = [index for index, (_, end, _) in enumerate(made[:-1]) if executed(end)]
    if safety is Safety.UNSAFE:
        assert not dangerous
    if safety is Safety.KEYED:
        known = [index for index, (_, end, _) in enumerate(made[:-1]) if executed(end) or end == 429]
        assert not known or len({url for url, _, _ in made[known[0] :]}) == 1
    if safety is Safety.BILLABLE:
        lost = [index for index in dangerous if made[index][1] in (RESET, 504, 524)]
        broke = [index for index in dangerous if made[index][1] is STALE]
        assert len(lost) + len(broke) <= 1
        assert all(made[index][2] < 5.0 for index in (*lost, *broke))
        assert all(made[index][1] in (RESET, STALE, 502, 503, 504, 521, 524) for index in dangerous)
        if not repeat:
            assert not dangerous
    if isinstance(action, Fail):
        error = action.error
        assert len(error.attempts) == len(made)
        assert "\n" not in str(error)
        assert [attempt.base_url for attempt in error.attempts] == [url for url, _, _ in made]
        if safety in (Safety.UNSAFE, Safety.KEYED):
            unknown = any(executed(end) for _, end, _ in made) and made[-1][1] not in (400, QUOTA)
            too_large = bool(made) and made[-1][1] is FailureKind.TOO_LARGE
            if not too_large:
                assert isinstance(error, OutcomeUnknownError) is unknown
    else:
        assert made[-1][1] == 200


@given(ends=ENDS, safety=st.sampled_from(EVERY), seed=st.integers(0, 20))
def test_a_call_cancelled_at_any_moment_leaves_nothing_behind(
    ends: list[tuple[End, float]], safety: Safety, seed: int
) -> None:
    """Seed says after how many steps the caller goes away."""
    world = World(rate_limit=600)
    call = world.call(safety)
    script = iter(ends)
    for _ in range(seed):
        action = call.next_action(world.now)
        if isinstance(action, Wait):
            world.now += action.seconds
        elif isinstance(action, Send):
            end = next(script, None) if seed % 2 else None
            if end is None or world.finish(call, end[0]):
                break
        else:
            break
    call.cancelled()
    assert world.nothing_open()


# -- an upstream that fails


def test_a_call_that_is_answered_elsewhere_speaks_against_the_endpoint_that_blamed_its_upstream() -> None:
    world = World([A, B])
    for _ in range(3):
        story = world.run(world.call(), {A: answer(502, code="upstream_error"), B: 200})
        assert story.bases == "ab"
    assert world.run(world.call(), []).bases == "b"


def test_an_upstream_that_fails_everywhere_speaks_against_nobody() -> None:
    world = World([A, B])
    for _ in range(10):
        world.now += 10.0
        story = world.run(world.call(), dict.fromkeys((A, B), answer(502, code="upstream_error")))
        assert not story.succeeded
    assert world.run(world.call(), []).bases == "a"


# -- a host that discovery named, and that is no gateway any more

PARKED = answer(404, body=b"<html><body>This domain is for sale</body></html>", content_type="text/html")
NOT_FOUND = answer(404, code="model_not_found")


def with_a_listed_host() -> World:
    """A was named by discovery, is preferred, and has proved itself; the user knows B."""
    world = World([B])
    world.pool.replace([Endpoint(A, 9)], now=world.now)
    probe = world.pool.begin_probe(A, now=world.now)
    assert probe is not None
    world.pool.report(probe, Report.PROBE_GOOD, now=world.now)
    assert [endpoint.url for endpoint in world.pool.order(world.now)] == [A, B]
    return world


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.IDEMPOTENT, Safety.BILLABLE])
def test_a_listed_host_that_is_no_gateway_any_more_fails_no_call_and_is_left_when_three_do_better_elsewhere(
    safety: Safety,
) -> None:
    world = with_a_listed_host()
    for _ in range(3):
        assert not world.pool.discovery_wanted(world.now)
        story = world.run(world.call(safety), {A: PARKED, B: 200})
        assert (story.succeeded, story.bases) == (True, "ab")

    assert world.pool.discovery_wanted(world.now)
    assert world.run(world.call(safety), []).bases == "b"


@pytest.mark.parametrize("safety", [Safety.KEYED, Safety.UNSAFE])
def test_what_makes_something_is_not_sent_from_there_to_another_one(safety: Safety) -> None:
    world = with_a_listed_host()
    story = world.run(world.call(safety), {A: PARKED})
    assert story.bases == "a"
    assert isinstance(story.error, NotFoundError)


def test_what_nobody_knows_is_not_there_and_speaks_against_nobody() -> None:
    world = with_a_listed_host()
    for _ in range(5):
        story = world.run(world.call(), {A: PARKED, B: PARKED})
        assert story.bases == "ab"
        assert isinstance(story.error, NotFoundError)
    assert world.run(world.call(), []).bases == "a"


@pytest.mark.parametrize("listed", [True, False])
def test_a_404_of_the_api_itself_and_any_of_a_host_that_the_user_named_are_final(listed: bool) -> None:
    world = with_a_listed_host() if listed else World([A, B])
    for _ in range(5):
        assert world.run(world.call(), {A: NOT_FOUND if listed else PARKED}).bases == "a"
    assert world.run(world.call(), []).bases == "a"


def elsewhere_succeeds(world: World, url: str) -> None:
    """Another call is answered there."""
    pick = world.pool.pick(now=world.now, safety=Safety.SAFE, only=url)
    assert pick is not None
    world.pool.report(pick, Report.SUCCESS, now=world.now)


def elsewhere_hangs(world: World, url: str) -> None:
    """As many other calls as may wait there for an answer."""
    while world.pool.pick(now=world.now, safety=Safety.SAFE, only=url) is not None:
        pass


def test_a_call_waits_for_one_that_is_out_and_being_tried_instead_of_asking_again_where_it_failed() -> None:
    world = World([A, B])
    world.run(world.call(), [REFUSED, 200])  # A is out
    elsewhere_hangs(world, A)
    began = world.now

    story = world.run(world.call(), {A: 200, B: 503})

    assert (story.bases, story.succeeded) == ("ba", True)
    assert story.sent[1].at - began == pytest.approx(1.0, abs=0.05)  # then the first of those others counts no more


def test_if_nobody_finds_anything_out_it_takes_what_is_fit_although_it_failed_there() -> None:
    world = World([A, B])
    world.run(world.call(), [200])
    pick = world.pool.pick(now=world.now, safety=Safety.SAFE, only=B)
    assert pick is not None
    world.pool.report(pick, Report.HARD, now=world.now)
    call, bases, waited, accepted = world.call(), "", 0.0, False
    while not accepted:
        action = call.next_action(world.now)
        if isinstance(action, Wait):
            waited += action.seconds
            world.now += action.seconds
        else:
            assert isinstance(action, Send)
            bases += action.pick.endpoint.url[8]
            accepted = world.finish(call, 503 if len(bases) < 3 else 200)
            elsewhere_succeeds(world, A)
        elsewhere_hangs(world, B)
    assert bases == "aaa"
    assert waited == pytest.approx(1.0, abs=0.2)
