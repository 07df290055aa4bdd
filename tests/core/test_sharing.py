"""Between a client and the file: what is taken over, what is told, and that no trouble with the file is trouble."""

from __future__ import annotations

import logging
import sys
import threading
import time
from functools import partial
from pathlib import Path

import attrs
import pytest

from nexevo_async._sansio.endpoint_pool import EndpointPool, Report
from nexevo_async._sansio.links import read_links
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.shared_state import Record, SharedState, Turn, Verdict
from nexevo_async._shared_file import SharedFile
from nexevo_async._sharing import Sharing
from nexevo_async.models.endpoints import Endpoint
from tests.core.scripted import A, B, C, a_pool, states

POLICY = HealthPolicy()
LIST = (Endpoint(B, 5, source="discovered"), Endpoint(C, 1, source="discovered"))


def a_sharing(path: Path, pool: EndpointPool | None = None, **changes: object) -> Sharing:
    pool = pool or a_pool((A, B), now=time.monotonic())
    policy = attrs.evolve(POLICY, **changes)
    return Sharing(SharedFile(path), pool=pool, policy=policy, read=partial(read_links, loopback=False))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.json"


def put(path: Path, state: SharedState) -> None:
    SharedFile(path).change(lambda _: (state, None))


def stored(path: Path) -> SharedState:
    return SharedFile(path).change(lambda state: (state, state))


async def test_a_new_process_knows_what_the_others_have_learned(path: Path) -> None:
    first, pool = a_sharing(path), a_pool((A, B), now=time.monotonic())
    await first.tell_check(A, True)
    await first.tell_check(B, False)
    second = a_sharing(path, pool)

    assert await second.learn() is None
    assert states(pool, time.monotonic()) == {A: "healthy", B: "suspect"}


async def test_our_own_and_newer_experience_counts_instead(path: Path) -> None:
    pool = a_pool((A, B), now=time.monotonic())
    await a_sharing(path).tell_check(A, False)
    now = time.monotonic()
    pool.report(pool.begin_probe(A, now=now), Report.PROBE_GOOD, now=now)  # type: ignore[arg-type]
    await a_sharing(path, pool).learn()

    assert states(pool, time.monotonic())[A] == "healthy"


async def test_an_ejection_elsewhere_makes_an_endpoint_suspect_and_never_ejects_it(path: Path) -> None:
    now = time.monotonic()
    pool, other = a_pool((A, B), now=now), a_pool((A, B), now=now)
    other.report(other.begin_probe(A, now=now), Report.HARD, now=now)  # type: ignore[arg-type]
    sharing = a_sharing(path, other)
    assert sharing.has_news
    await sharing.tell_bans()
    assert not sharing.has_news
    record = stored(path).record(A)
    assert record.flaps == 1
    assert 2.0 < record.banned_until - time.time() < 5.1

    await a_sharing(path, pool).learn()
    assert states(pool, time.monotonic()) == {A: "suspect", B: "unknown"}


async def test_the_last_fit_endpoint_is_not_doubted_because_of_what_others_say(path: Path) -> None:
    """A process whose own network is broken must not bring panic over all the others."""
    wall, pool = time.time(), a_pool((A, B), now=time.monotonic())
    bad = Record(good=False, checked=wall - 1, banned_at=wall - 1, banned_until=wall + 200)
    put(path, SharedState(endpoints={A: bad, B: bad}))
    await a_sharing(path, pool).learn()

    assert sorted(states(pool, time.monotonic()).values()) == ["suspect", "unknown"]
    assert not pool.in_panic(time.monotonic())


async def test_the_end_of_an_ejection_is_told_too(path: Path) -> None:
    now, pool = time.monotonic(), a_pool((A, B), now=time.monotonic())
    pool.report(pool.begin_probe(A, now=now), Report.HARD, now=now)  # type: ignore[arg-type]
    sharing = a_sharing(path, pool)
    await sharing.tell_bans()
    pool.report(pool.begin_probe(A, now=now), Report.RECONNECTED, now=time.monotonic())  # type: ignore[arg-type]
    assert sharing.has_news
    await sharing.tell_bans()

    assert stored(path).record(A).banned_until <= time.time()


async def test_one_asks_discovery_and_the_other_reads_its_list(path: Path) -> None:
    first, second = a_sharing(path), a_sharing(path)
    assert (await first.claim_links(fresh=3600.0))[0].verdict is Verdict.ASK
    claim, links = await second.claim_links(fresh=3600.0)
    assert (claim.verdict, claim.wait, links) == (Verdict.LOOK_AGAIN, 1.0, None)

    await first.tell_links(LIST)
    claim, links = await second.claim_links(fresh=3600.0)
    assert claim.verdict is Verdict.NOT_NOW
    assert links is not None
    assert links.endpoints == LIST
    assert (await second.claim_links(fresh=3600.0))[1] is None  # it has it now
    assert (await first.claim_links(fresh=3600.0))[1] is None


async def test_a_failure_holds_the_others_back(path: Path) -> None:
    first, second = a_sharing(path), a_sharing(path)
    await first.claim_links(fresh=3600.0)
    await first.tell_links(None, wait=50.0)
    claim, _ = await second.claim_links(fresh=3600.0)

    assert claim.verdict is Verdict.NOT_NOW
    assert 49.0 < claim.wait <= 50.0


@pytest.mark.parametrize(
    "entries",
    [
        ((("https://10.0.0.1"), 9),),
        (("http://evil.example.net", 9), ("https://localhost", 9)),
        (("https://user:hidden-word@evil.example.net", 9),),
        (("not a url", 9),),
    ],
)
async def test_a_list_from_the_file_is_checked_like_a_fresh_one(
    path: Path, entries: tuple[tuple[str, int], ...], caplog: pytest.LogCaptureFixture
) -> None:
    put(path, SharedState(fetched=time.time() - 1, entries=entries))
    sharing = a_sharing(path)

    assert await sharing.learn() is None
    claim, links = await sharing.claim_links(fresh=3600.0)
    assert (claim.verdict, links) == (Verdict.ASK, None)  # what cannot be used keeps nobody from asking
    assert len(caplog.records) == 1
    assert "hidden-word" not in caplog.text


async def test_a_list_from_the_future_is_not_believed(path: Path) -> None:
    put(path, SharedState(fetched=time.time() + 3600, entries=((B, 1),)))
    assert await a_sharing(path).learn() is None


async def test_a_poisoned_file_cannot_silence_us_for_longer_than_a_claim(path: Path) -> None:
    wall = time.time()
    turn = Turn(claimed=wall - 61, booked=wall + 1e9)
    put(path, SharedState(links=attrs.evolve(turn, booked=0.0), endpoints={A: Record(turn=turn)}))
    sharing = a_sharing(path)

    assert (await sharing.claim_links(fresh=3600.0))[0].verdict is Verdict.ASK
    claims = await sharing.claim_checks([A], [])
    assert claims is not None
    assert claims.ask == ()  # its debt is two periods at most


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
async def test_a_lock_that_others_hold_means_look_again(path: Path) -> None:
    import fcntl

    sharing = a_sharing(path)
    await sharing.learn()
    with path.with_suffix(".lock").open("r+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        claims = await sharing.claim_checks([A], [B])
        assert claims is not None
        assert (claims.ask, claims.look_again) == ((), (A, B))
        assert (await sharing.claim_links(fresh=1.0))[0].verdict is Verdict.LOOK_AGAIN
    claims = await sharing.claim_checks([A], [B])
    assert claims is not None
    assert claims.ask == (A, B)


async def test_without_a_file_we_act_alone_and_say_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nexevo")
    (tmp_path / "taken").write_text("")
    sharing = a_sharing(tmp_path / "taken" / "x.json")

    assert await sharing.learn() is None
    assert await sharing.claim_checks([A], [B]) is None
    assert (await sharing.claim_links(fresh=1.0))[0].verdict is Verdict.ASK
    await sharing.tell_check(A, True)
    await sharing.tell_links(LIST)
    assert not sharing.has_news
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "not shared" in caplog.text


async def test_a_file_system_that_hangs_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    monkeypatch.setattr("nexevo_async._sharing._PATIENCE", 0.02)
    monkeypatch.setattr(SharedFile, "change", lambda *_: hanging.wait(10))
    sharing = a_sharing(path)

    assert await sharing.learn() is None
    assert await sharing.claim_checks([A], []) is None
    hanging.set()


async def test_no_secret_is_in_the_file(path: Path) -> None:
    sharing = a_sharing(path)
    await sharing.tell_check(A, True)
    await sharing.claim_links(fresh=1.0)
    await sharing.tell_links(LIST)

    assert set(stored(path).endpoints) == {A}
    text = path.read_text()  # noqa: ASYNC240 - a test may wait for its disk
    assert "sk-" not in text
    assert "Bearer" not in text
