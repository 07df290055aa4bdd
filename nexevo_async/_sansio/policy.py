"""The numbers of health and retry decisions, in one place, each with its reason. All times are seconds."""

from __future__ import annotations

import sys
from typing import Any

import attrs

from nexevo_async._redaction import shown

__all__ = ["HealthPolicy", "RetryPolicy"]


def _number(field: attrs.Attribute[Any], value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"{field.name} is a finite number, got {shown(value)}")
    return value


def _positive(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if _number(field, value) <= 0:
        raise ValueError(f"{field.name} is greater than 0, got {shown(value)}")


def _not_negative(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if _number(field, value) < 0:
        raise ValueError(f"{field.name} is 0 or more, got {shown(value)}")


def _at_least_one(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if _number(field, value) < 1:
        raise ValueError(f"{field.name} is 1 or more, got {shown(value)}")


def _count(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= sys.maxsize:
        raise ValueError(f"{field.name} is a whole number of 1 or more, got {shown(value)}")


def _flag(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{field.name} is True or False, got {shown(value)}")


def _share(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not 0 <= _number(field, value) <= 1:
        raise ValueError(f"{field.name} is between 0 and 1, got {shown(value)}")


def _ordered(policy: object, *pairs: tuple[str, str]) -> None:
    for low, high in pairs:
        if getattr(policy, low) > getattr(policy, high):
            values = f"{shown(getattr(policy, low))} and {shown(getattr(policy, high))}"
            raise ValueError(f"{low} is at most {high}: got {values}")


def _positive_or_none(default: float | None) -> Any:
    return attrs.field(default=default, validator=attrs.validators.optional(_positive))


def _seconds(default: float) -> Any:
    return attrs.field(default=default, validator=_positive)


@attrs.frozen(kw_only=True)
class HealthPolicy:
    """
    When an endpoint is ejected, how it comes back, and how politely it is asked for its health. All times are seconds.

    Attributes:
        connect_timeout: Limit for a connection while another endpoint is usable (RFC 8305 moves on after 2 s at most).
        connect_timeout_last: The same for the last usable one.
        hard_strikes: Failures before the request left (refused, DNS, TLS) in a row that eject.
        soft_strikes: Failures after it left (503, reset, silence) in a row that eject.
        soft_rate: Share of such failures within `soft_rate_window` that ejects, 0 to 1, from `soft_rate_calls` calls
            on.
        soft_rate_calls: See `soft_rate`.
        soft_rate_window: See `soft_rate`; also how long a 500 is remembered while waiting for one of another kind.
        stall_inflight: Reads waiting longer than the stall limit that eject, if nothing succeeded for three quarters of
            that time.
        stall_after: Least stall limit.
        stall_factor: The stall limit is at least this many times the average latency of reads; that of updates and
            deletions is this many times the one of reads.
        silent_inflight: Chats waiting longer than the silence limit, while no chat is answered, after which new ones go
            elsewhere and a health check is asked for. Those in flight wait on: they may be answered and paid.
        silent_after: Least silence limit.
        silent_factor: The silence limit is at least this many times the 95th percentile of recent chats.
        silent_most: The silence limit at most, and as long as too few chats were answered to know what is usual.
        degraded_for: How long a slow endpoint stands last among equals.
        loop_lag_veto: A timeout says nothing if our own event loop was late by more than this share of it, 0 to 1.
        local_fault_window: If every endpoint fails to connect within this time, without a success in between, the fault
            is taken to be on our side and nothing is counted.
        probe_veto: For how long after a real success a bad health check does not eject, and after a real failure a good
            one does not clear: real traffic beats probes.
        eject_base: First ejection; each further one is `eject_factor` times longer, up to `eject_cap`; then equal
            jitter, so the real pause is between half of it and all of it.
        eject_factor: See `eject_base`.
        eject_cap: See `eject_base`.
        eject_decay: One step of that growth is forgotten per this time in service.
        panic_inflight: Calls in flight per endpoint while every endpoint is ejected.
        panic_wait: How long further calls wait for an answer then, before they fail.
        reconnect_base: First pause before a bare connection is tried to an endpoint that refused; grows by
            `reconnect_factor`, plus or minus `reconnect_jitter`, up to `reconnect_cap`, and is at most three quarters
            of the outage so far or 3.5 s.
        reconnect_factor: See `reconnect_base`.
        reconnect_jitter: See `reconnect_base`, 0 to 1.
        reconnect_cap: See `reconnect_base`.
        reconnect_recent: It is tried only if a call came within this time.
        suspect_trial: A suspect endpoint that would be preferred gets one repeatable call this often.
        probation_successes: Successes on probation before an endpoint is back.
        failback_hold: How long a recovered endpoint stays a spare; doubles with each flap up to `failback_hold_cap`.
        failback_hold_cap: See `failback_hold`.
        hold_trial: A held endpoint that would be preferred gets one repeatable call this often.
        flap_memory: An ejection counts as a flap for this long.
        probe_period: Time between health checks of one endpoint, plus or minus `probe_jitter`. None never checks. The
            service asks for about five minutes.
        probe_jitter: See `probe_period`, 0 to 1.
        probe_bucket: Health checks in hand per endpoint; one more is earned per `probe_refill`.
        probe_refill: See `probe_bucket`; None is the same as `probe_period`.
        probe_timeout: Limit for one health check.
        skip_proven: Leave out a health check if a real call succeeded within the last period.
        idle_stop: Health checks rest after this time without a call, and start again with the next one. None never
            rests.
        suspend_gap: A jump of this size between wall clock and monotonic clock means that the machine slept.
        links_ttl: How long a discovered list is used before it is asked for again, plus or minus 10 %.
        links_min_interval: Least time between two discoveries.
        links_min_interval_panic: The same while every endpoint is ejected.
        links_error_base: First pause after a failed discovery; doubles up to `links_ttl`, equal jitter.
        links_timeout: Limit for one discovery.
        links_hard_ttl: After this time an old list is no longer used for its most preferred entries.
        links_hard_ttl_spares: The same for the others, which the service replaces often.
        discover_after: An endpoint ejected for longer than this is a reason to discover.
        share: Whether processes of one user on one machine share health checks and discovered lists through a small
            file, so that twenty of them ask about as often as one. It holds addresses and times, and no secret. See
            `NEXEVO_CACHE_DIR`. Where all addresses are on this machine, nothing is shared unless that is set.

    Raises:
        ValueError: A value is out of range; the message names the field.

    .. versionadded:: 0.1.0
    """

    connect_timeout: float = _seconds(1.0)
    connect_timeout_last: float = _seconds(5.0)
    hard_strikes: int = attrs.field(default=1, validator=_count)
    soft_strikes: int = attrs.field(default=3, validator=_count)
    soft_rate: float = attrs.field(default=0.5, validator=_share)
    soft_rate_calls: int = attrs.field(default=10, validator=_count)
    soft_rate_window: float = _seconds(30.0)
    stall_inflight: int = attrs.field(default=5, validator=_count)
    stall_after: float = _seconds(0.5)
    stall_factor: float = attrs.field(default=4.0, validator=_at_least_one)
    silent_inflight: int = attrs.field(default=3, validator=_count)
    silent_after: float = _seconds(0.5)
    silent_factor: float = attrs.field(default=4.0, validator=_at_least_one)
    silent_most: float = _seconds(30.0)
    degraded_for: float = _seconds(60.0)
    loop_lag_veto: float = attrs.field(default=0.25, validator=_share)
    local_fault_window: float = _seconds(5.0)
    probe_veto: float = attrs.field(default=30.0, validator=_not_negative)
    eject_base: float = _seconds(5.0)
    eject_factor: float = attrs.field(default=2.0, validator=_at_least_one)
    eject_cap: float = _seconds(300.0)
    eject_decay: float = _seconds(60.0)
    panic_inflight: int = attrs.field(default=4, validator=_count)
    panic_wait: float = attrs.field(default=1.0, validator=_not_negative)
    reconnect_base: float = _seconds(1.0)
    reconnect_factor: float = attrs.field(default=1.6, validator=_at_least_one)
    reconnect_jitter: float = attrs.field(default=0.2, validator=_share)
    reconnect_cap: float = _seconds(60.0)
    reconnect_recent: float = _seconds(60.0)
    suspect_trial: float = _seconds(1.0)
    probation_successes: int = attrs.field(default=2, validator=_count)
    failback_hold: float = attrs.field(default=30.0, validator=_not_negative)
    failback_hold_cap: float = _seconds(300.0)
    hold_trial: float = _seconds(5.0)
    flap_memory: float = _seconds(600.0)
    probe_period: float | None = _positive_or_none(300.0)
    probe_jitter: float = attrs.field(default=0.1, validator=_share)
    probe_bucket: int = attrs.field(default=2, validator=_count)
    probe_refill: float | None = _positive_or_none(None)
    probe_timeout: float = _seconds(3.0)
    skip_proven: bool = attrs.field(default=False, validator=_flag)
    idle_stop: float | None = _positive_or_none(None)
    suspend_gap: float = _seconds(30.0)
    links_ttl: float = _seconds(3600.0)
    links_min_interval: float = _seconds(300.0)
    links_min_interval_panic: float = _seconds(60.0)
    links_error_base: float = _seconds(60.0)
    links_timeout: float = _seconds(5.0)
    links_hard_ttl: float = _seconds(7 * 86400.0)
    links_hard_ttl_spares: float = _seconds(86400.0)
    discover_after: float = _seconds(60.0)
    share: bool = attrs.field(default=True, validator=_flag)

    def __attrs_post_init__(self) -> None:
        _ordered(
            self,
            ("connect_timeout", "connect_timeout_last"),
            ("eject_base", "eject_cap"),
            ("reconnect_base", "reconnect_cap"),
            ("silent_after", "silent_most"),
            ("failback_hold", "failback_hold_cap"),
            ("links_min_interval_panic", "links_min_interval"),
            ("links_hard_ttl_spares", "links_hard_ttl"),
        )


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """
    How often, when and at what price a call is repeated. All times are seconds.

    Attributes:
        max_attempts: Attempts of one call, the first included. 1 never repeats. One that takes the place of an attempt
            on a stale connection is not counted, unless the call carries an idempotency key.
        backoff_base: Greatest wait before the first repeat on the same endpoint; doubles (`backoff_factor`) up to
            `backoff_cap`, full jitter. There is no wait before another endpoint.
        backoff_factor: See `backoff_base`.
        backoff_cap: See `backoff_base`.
        throttle_base: The same after 429, 503 and 529, with equal jitter, so that a wait is never tiny.
        throttle_cap: See `throttle_base`.
        retry_after_cap: The longest wait the service may ask for; a longer one is raised with the number.
        retry_budget_ratio: Repeats earned per call, shared by all calls of a client; 0 to 1.
        retry_budget_per_second: Repeats earned per second besides.
        retry_budget_cap: Repeats in hand at most, and at the start. Attempts that never left are free.
        repeat_billable: Whether a paid call that may have been done may be sent again. Within limits: once, and
            without a byte of an answer, elsewhere if there is another endpoint. Either while the attempt is younger
            than `bounded_age`, out of a budget of its own; or, out of no budget, if a connection that had served before
            was closed within a second.
        bounded_age: See `repeat_billable`: the older an attempt, the more a duplicate costs.
        bounded_ratio: Share of paid calls repeated that way, 0 to 1, besides `bounded_reserve`.
        bounded_reserve: See `bounded_ratio`.
        repeat_server_error: Whether a paid call is sent once more, elsewhere, after a 500.
        hedge: Whether a read that waits too long is asked for a second time, elsewhere.
        hedge_after: Least wait before that; the 95th percentile of recent reads if that is longer.
        hedge_ratio: Share of reads asked twice, 0 to 1, besides `hedge_reserve`.
        hedge_reserve: See `hedge_ratio`. As many as come together at 100 reads a second before an endpoint that hangs
            is left: with 10, the 99th percentile of reads then was 0.8 s over TLS, with 25 it was 0.3 s.

    Raises:
        ValueError: A value is out of range; the message names the field.

    .. versionadded:: 0.1.0
    """

    max_attempts: int = attrs.field(default=3, validator=_count)
    backoff_base: float = attrs.field(default=0.1, validator=_not_negative)
    backoff_factor: float = attrs.field(default=2.0, validator=_at_least_one)
    backoff_cap: float = attrs.field(default=10.0, validator=_not_negative)
    throttle_base: float = attrs.field(default=1.0, validator=_not_negative)
    throttle_cap: float = attrs.field(default=20.0, validator=_not_negative)
    retry_after_cap: float = attrs.field(default=120.0, validator=_not_negative)
    retry_budget_ratio: float = attrs.field(default=0.2, validator=_share)
    retry_budget_per_second: float = attrs.field(default=1.0, validator=_not_negative)
    retry_budget_cap: float = attrs.field(default=20.0, validator=_not_negative)
    repeat_billable: bool = attrs.field(default=True, validator=_flag)
    bounded_age: float = attrs.field(default=5.0, validator=_not_negative)
    bounded_ratio: float = attrs.field(default=0.02, validator=_share)
    bounded_reserve: float = attrs.field(default=10.0, validator=_not_negative)
    repeat_server_error: bool = attrs.field(default=False, validator=_flag)
    hedge: bool = attrs.field(default=True, validator=_flag)
    hedge_after: float = attrs.field(default=0.25, validator=_not_negative)
    hedge_ratio: float = attrs.field(default=0.05, validator=_share)
    hedge_reserve: float = attrs.field(default=25.0, validator=_not_negative)

    def __attrs_post_init__(self) -> None:
        _ordered(self, ("backoff_base", "backoff_cap"), ("throttle_base", "throttle_cap"))
