"""Policies: documented numbers that refuse nonsense by name."""

from __future__ import annotations

import inspect
import math
import re

import attrs
import pytest

from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy


def test_the_defaults_are_those_of_the_design() -> None:
    health, retry = HealthPolicy(), RetryPolicy()

    assert (health.connect_timeout, health.connect_timeout_last) == (1.0, 5.0)
    assert (health.hard_strikes, health.soft_strikes, health.soft_rate, health.soft_rate_calls) == (1, 3, 0.5, 10)
    assert (health.eject_base, health.eject_factor, health.eject_cap, health.eject_decay) == (5.0, 2.0, 300.0, 60.0)
    assert (health.probation_successes, health.failback_hold, health.probe_period) == (2, 30.0, 300.0)
    assert (health.skip_proven, health.idle_stop) == (False, None)
    assert (retry.max_attempts, retry.retry_after_cap, retry.repeat_billable) == (3, 120.0, True)
    assert (retry.retry_budget_ratio, retry.retry_budget_per_second, retry.retry_budget_cap) == (0.2, 1.0, 20.0)


@pytest.mark.parametrize("policy", [HealthPolicy, RetryPolicy])
def test_every_field_is_documented(policy: type) -> None:
    documented = re.findall(r"^    (\w+):", inspect.cleandoc(policy.__doc__ or ""), re.MULTILINE)

    assert documented[: len(attrs.fields(policy))] == [field.name for field in attrs.fields(policy)]


@pytest.mark.parametrize(
    ("policy", "field"), [(kind, field.name) for kind in (HealthPolicy, RetryPolicy) for field in attrs.fields(kind)]
)
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", object()])
def test_no_field_takes_nonsense(policy: type, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        policy(**{field: value})


@pytest.mark.parametrize("field", ["max_attempts", "hard_strikes", "soft_strikes", "probe_bucket"])
@pytest.mark.parametrize("value", [0, 1.5, True])
def test_a_count_is_a_whole_number_from_one(field: str, value: object) -> None:
    policy = RetryPolicy if field == "max_attempts" else HealthPolicy

    with pytest.raises(ValueError, match=f"{field} is a whole number of 1 or more"):
        policy(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", [HealthPolicy, RetryPolicy])
def test_no_message_quotes_what_is_no_number(policy: type) -> None:
    for field in attrs.fields(policy):
        with pytest.raises(ValueError, match=f"{field.name} is .*, got list$"):
            policy(**{field.name: ["a prompt"]})


def test_a_count_is_one_that_a_machine_can_hold() -> None:
    with pytest.raises(ValueError, match="hard_strikes is a whole number of 1 or more, got a whole number"):
        HealthPolicy(hard_strikes=10**5000)


def test_a_number_fits_a_float() -> None:
    with pytest.raises(ValueError, match="connect_timeout is a finite number"):
        HealthPolicy(connect_timeout=10**400)


def test_a_share_is_at_most_one() -> None:
    with pytest.raises(ValueError, match="soft_rate is between 0 and 1, got 50"):
        HealthPolicy(soft_rate=50)


def test_bounds_that_cross_are_refused() -> None:
    with pytest.raises(ValueError, match="eject_base is at most eject_cap: got 400 and 300"):
        HealthPolicy(eject_base=400)
    with pytest.raises(ValueError, match="backoff_base is at most backoff_cap"):
        RetryPolicy(backoff_base=11)


def test_probing_can_be_switched_off_and_idling_on() -> None:
    assert HealthPolicy(probe_period=None).probe_period is None
    assert HealthPolicy(idle_stop=900).idle_stop == 900
