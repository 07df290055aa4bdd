"""What is believed of an answer of discovery, which is untrusted, and when it is asked again; the clock is a number."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexevo_async._sansio.links import (
    MOST_BYTES,
    MOST_ENTRIES,
    BadLinks,
    LinksSchedule,
    expired,
    is_loopback,
    read_links,
)
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint

GOOD = {"api": "https://api.example.com", "desc": "the usual one", "priority": 10, "status": "ok"}


def listed(*entries: Any) -> bytes:
    return orjson.dumps(entries)


def entry(api: object, **changes: object) -> dict[str, object]:
    return {**GOOD, "api": api, **changes}


def test_a_good_answer_gives_endpoints_most_preferred_first() -> None:
    spare = {"api": "https://spare.example.net/v1/", "desc": "", "priority": -3, "status": "ok"}
    links = read_links(listed(spare, GOOD))

    assert links.endpoints == (
        Endpoint("https://api.example.com", 10, source="discovered"),
        Endpoint("https://spare.example.net", -3, source="discovered"),
    )
    assert links.skipped == ()


def test_an_entry_needs_an_address_and_a_status_only() -> None:
    assert read_links(listed({"api": "https://api.example.com", "status": "ok"})).endpoints[0].priority == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "not JSON"),
        (b"<!doctype html><html><body>It works!</body></html>", "not JSON"),
        (b"healthy", "not JSON"),
        (b"[" * 5_000 + b"]" * 5_000, "not JSON"),
        (b'[{"api": "\xff"}]', "not JSON"),
        (b'{"error": {"message": "no"}}', "not a list"),
        (b'"https://api.example.com"', "not a list"),
        (b"null", "not a list"),
        (b"[]", "the list is empty"),
        (b"[[], 1, null, true]", "no usable entry: entry 0: not an object"),
        (b" " * (MOST_BYTES + 1), "larger than 65536 bytes"),
        (listed(entry("http://api.example.com")), "not https"),
    ],
)
def test_an_answer_without_a_good_entry_is_an_error_that_says_why(answer: bytes, reason: str) -> None:
    with pytest.raises(BadLinks, match=reason):
        read_links(answer)


ADDRESSES = [
    "https://127.0.0.1",
    "https://10.0.0.1",
    "https://192.168.1.1:443",
    "https://172.16.0.1",
    "https://169.254.169.254",
    "https://100.64.0.1",
    "https://0.0.0.0",
    "https://8.8.8.8",  # public, but no certificate names it, and no service is listed like that
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://127.1",
    "https://127.0.1",
    "https://10.0x1",
    "https://1.2.3.0x4.",
    "https://[::1]",
    "https://[::]",
    "https://[fe80::1]",
    "https://[fd00::1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[64:ff9b::7f00:1]",
    "https://[2606:4700::1111]",
    "https://localhost",
    "https://LOCALHOST",
    "https://api.localhost",
    "https://localhost.",
]
HOSTS = [
    "https://router.local",
    "https://vault.internal",
    "https://api.corp",
    "https://nas.home.arpa",
    "https://metadata.google.internal",
    "https://intranet",
    "https://exämple.com",
    "https://ⓔxample.com",
    "https://exa%6dple.com",
    "https://ex_ample.com",
    "https://-example.com",
    "https://example-.com",
    "https://example..com",
    "https://.example.com",
    "https://example.c",
    "https://example.c0m",
    "https://*.example.com",
    f"https://{'a' * 64}.com",
    f"https://{'.'.join(['a' * 60] * 5)}.com",
]
URLS = [
    "http://api.example.com",
    "ftp://api.example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//api.example.com",
    "api.example.com",
    "https://api.example.com:8443",
    "https://api.example.com:0",
    "https://api.example.com:99999",
    "https://api.example.com:x",
    "https://user:sk-secret1234@api.example.com",
    "https://sk-secret1234@api.example.com",
    "https://api.example.com@evil.example.net",
    "https://api.example.com?key=sk-secret1234",
    "https://api.example.com#sk-secret1234",
    "https://api.example.com/proxy",
    "https://api.example.com\\@evil.example.net",
    "https://api.exa\nmple.com",
    "https://api.example.com\x00",
    "https://",
    "https:///v1",
    "https://[",
    "",
    " ",
]


@pytest.mark.parametrize("api", [*ADDRESSES, *HOSTS, *URLS])
def test_an_address_that_must_not_get_the_key_is_skipped_and_the_rest_is_used(api: str) -> None:
    links = read_links(listed(entry(api, priority=99), GOOD))

    assert [endpoint.url for endpoint in links.endpoints] == ["https://api.example.com"]
    assert len(links.skipped) == 1
    assert links.skipped[0].startswith("entry 0: ")
    assert "sk-secret" not in links.skipped[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "down"},
        {"status": "OK"},
        {"status": None},
        {"status": True},
        {"status": ["ok"]},
        {"priority": "10"},
        {"priority": 1.5},
        {"priority": True},
        {"priority": None},
        {"priority": [1]},
        {"api": None},
        {"api": 1},
        {"api": ["https://api.example.com"]},
        {"api": {"url": "https://api.example.com"}},
    ],
)
def test_wrong_types_and_other_states_are_skipped(changes: dict[str, object]) -> None:
    links = read_links(listed({**GOOD, **changes}, entry("https://other.example.com")))

    assert [endpoint.url for endpoint in links.endpoints] == ["https://other.example.com"]
    assert len(links.skipped) == 1


def test_of_an_address_that_comes_twice_the_higher_priority_counts() -> None:
    spellings = ("https://API.example.com:443/", "https://api.example.com/v1", "https://api.example.com")
    links = read_links(listed(*(entry(api, priority=place) for place, api in enumerate(spellings))))

    assert links.endpoints == (Endpoint("https://api.example.com", 2, source="discovered"),)


def test_of_more_than_sixteen_entries_the_least_preferred_are_left_out_with_one_word_about_it() -> None:
    links = read_links(listed(*(entry(f"https://h{place}.example.com", priority=place) for place in range(20))))

    assert MOST_ENTRIES == 16
    assert [endpoint.priority for endpoint in links.endpoints] == list(range(19, 3, -1))
    assert links.skipped == ("only 16 are taken, which leaves out 4",)


def test_an_international_name_is_written_in_its_ascii_form() -> None:
    assert read_links(listed(entry("https://api.xn--exmple-cua.com"))).endpoints


@pytest.mark.parametrize(
    ("api", "allowed", "taken"),
    [
        ("https://api.example.com", ["api.example.com"], True),
        ("https://api.example.com", ["API.Example.com."], True),
        ("https://api.example.com", ["*.example.com"], True),
        ("https://deep.api.example.com", ["*.example.com"], True),
        ("https://example.com", ["*.example.com"], False),
        ("https://evilexample.com", ["*.example.com"], False),
        ("https://example.com.evil.net", ["*.example.com", "example.com"], False),
        ("https://api.example.com", [], False),
    ],
)
def test_allowed_hosts_pin_what_may_be_named(api: str, allowed: list[str], taken: bool) -> None:
    links = read_links(listed(entry(api), entry("https://other.net")), allowed_hosts=[*allowed, "other.net"])

    assert [endpoint.url for endpoint in links.endpoints if "other" not in endpoint.url] == ([api] if taken else [])
    assert links.skipped == (() if taken else ("entry 0: its host is not among allowed_hosts",))


def test_only_a_discovery_host_on_this_machine_may_name_this_machine() -> None:
    answer = listed(entry("http://127.0.0.1:8080"), entry("http://[::1]:8081"), entry("http://localhost:1"))

    assert len(read_links(answer, loopback=True).endpoints) == 3
    with pytest.raises(BadLinks, match="names this machine"):
        read_links(answer)
    with pytest.raises(BadLinks, match="not https"):
        read_links(listed(entry("http://192.168.0.1:8080")), loopback=True)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("", False)],
)
def test_what_is_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"api": JSON | st.sampled_from([*ADDRESSES, *HOSTS, *URLS]) | st.text().map("https://{}".format)},
        optional={"status": JSON | st.just("ok"), "priority": JSON | st.integers(-9, 9), "desc": JSON},
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=300)
@given(data=JSON | ENTRIES, loopback=st.booleans())
def test_no_json_whatever_raises_anything_but_bad_links(data: object, loopback: bool) -> None:
    try:
        answer = orjson.dumps(data)
    except TypeError:  # integers beyond 64 bits, lone surrogates
        return
    try:
        links = read_links(answer, loopback=loopback)
    except BadLinks:
        return
    assert 0 < len(links.endpoints) <= MOST_ENTRIES
    assert all(endpoint.source == "discovered" for endpoint in links.endpoints)


@settings(deadline=None, max_examples=200)
@given(answer=st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_but_bad_links(answer: bytes) -> None:
    with pytest.raises(BadLinks):
        read_links(answer)


# -- when to ask


def schedule(policy: HealthPolicy | None = None, seed: int = 1) -> LinksSchedule:
    return LinksSchedule(policy=policy or HealthPolicy(), rng=random.Random(seed), now=0.0)


def asked(
    made: LinksSchedule, *, until: float, works: bool = True, wanted: bool = False, panic: bool = False
) -> list[float]:
    """When discovery is asked, looking every second."""
    moments = []
    for second in range(int(until)):
        now = float(second)
        if made.due(now, wanted=wanted, panic=panic):
            made.begin(panic=panic)
            made.asked(now)
            moments.append(now)
            made.answered(now) if works else made.failed(now)
    return moments


def test_it_is_asked_at_once_and_then_about_once_an_hour() -> None:
    moments = asked(schedule(), until=24 * 3600)
    pauses = [later - earlier for earlier, later in pairwise(moments)]

    assert moments[0] == 0.0
    assert all(3239 <= pause <= 3961 for pause in pauses)
    assert len(set(pauses)) > 5


def test_nobody_asks_while_a_question_is_under_way() -> None:
    made = schedule()
    made.begin()
    assert not made.due(1e6, wanted=True, panic=True)
    assert made.next_in(0.0) == float("inf")
    made.asked(0.0)
    assert not made.due(1e6)


def test_trouble_makes_it_sooner_but_never_more_than_twelve_times_an_hour() -> None:
    moments = asked(schedule(), until=4 * 3600, wanted=True)

    assert moments[1] - moments[0] >= 300.0
    assert moments[1] - moments[0] <= 316.0
    for start in moments:
        assert sum(start <= moment < start + 3600 for moment in moments) <= 12


def test_a_panic_makes_it_sooner_still_but_once() -> None:
    made = schedule()
    made.asked(0.0)
    made.answered(0.0)
    moments = asked(made, until=1200, panic=True)

    assert moments[0] == 60.0
    assert moments[1] - moments[0] >= 300.0


def test_panics_that_come_and_go_do_not_get_past_twelve_an_hour() -> None:
    made, moments = schedule(), []
    for second in range(2 * 3600):
        panic = second // 30 % 2 == 1
        if made.due(float(second), panic=panic):
            made.begin(panic=panic)
            made.asked(float(second))
            made.answered(float(second))
            moments.append(second)

    for start in moments:
        assert sum(start <= moment < start + 3600 for moment in moments) <= 12


def test_failures_wait_longer_and_longer_whatever_the_trouble() -> None:
    moments = asked(schedule(), until=8 * 3600, works=False, wanted=True, panic=True)
    pauses = [later - earlier for earlier, later in pairwise(moments)]

    assert 30.0 <= pauses[0] <= 61.0
    assert all(pause <= 3601.0 for pause in pauses)
    assert pauses[-1] >= 1800.0
    for start in moments:
        assert sum(start <= moment < start + 3600 for moment in moments) <= 12


@pytest.mark.parametrize(
    ("told", "least", "most"), [(0.0, 30.0, 60.0), (900.0, 900.0, 900.0), (1e9, 86_400.0, 86_400.0)]
)
def test_a_wish_for_patience_is_honoured_up_to_a_day(told: float, least: float, most: float) -> None:
    made = schedule()
    made.asked(0.0)
    pause = made.failed(0.0, wait=told)

    assert least <= pause <= most
    assert not made.due(pause - 0.001, wanted=True, panic=True)
    assert made.due(pause + 360.0)


def test_after_a_success_failures_start_from_the_beginning() -> None:
    made = schedule()
    for _ in range(10):
        made.failed(0.0)
    made.answered(0.0)

    assert made.failed(0.0) <= 60.0


def test_what_another_process_has_fetched_is_good_for_its_whole_time() -> None:
    made = schedule()
    made.begin()
    made.answered(1000.0, age=600.0)

    assert not made.due(3999.0)
    assert made.due(1000.0 - 600.0 + 3600.0 * 1.1)
    assert not made.due(1000.0 - 600.0 + 299.0, wanted=True)


def test_a_question_put_off_is_due_again_when_it_was_said() -> None:
    made = schedule()
    made.begin()
    made.postponed(0.0, 5.0)

    assert not made.due(4.9)
    assert made.next_in(0.0) == 5.0
    assert made.due(5.0)


# -- lists that grow old


def test_spares_are_trusted_for_a_day_and_the_most_preferred_for_a_week() -> None:
    policy = HealthPolicy()
    endpoints = [
        Endpoint("https://a.example.com", 10),
        Endpoint("https://b.example.com", 10),
        Endpoint("https://c.example.com", 1),
    ]

    assert expired(endpoints, age=86_399.0, policy=policy) == ()
    assert expired(endpoints, age=86_400.0, policy=policy) == ("https://c.example.com",)
    assert len(expired(endpoints, age=7 * 86_400.0, policy=policy)) == 3
    assert expired((), age=1e9, policy=policy) == ()
