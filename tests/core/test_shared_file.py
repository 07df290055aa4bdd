"""The file between processes: whose it must be, what a broken one does, and what twenty processes make of it."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from nexevo_async._sansio.shared_state import MOST_BYTES, Record, SharedState
from nexevo_async._shared_file import LOCK_LIFE, Busy, SharedFile, cache_folder, file_name, off_loop

URL = "https://a.example.com"
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="owners, modes and locks of POSIX")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / file_name(["https://a.example.com"])


def write(record: Record) -> Callable[[SharedState], tuple[SharedState, SharedState]]:
    return lambda state: (state.with_records({URL: record}), state)


def look(state: SharedState) -> tuple[SharedState, SharedState]:
    return state, state


def test_what_one_writes_another_reads(path: Path) -> None:
    record = Record(good=True, checked=time.time())
    assert SharedFile(path).change(write(record)) == SharedState()
    assert SharedFile(path).change(look).record(URL) == record


@needs_posix
def test_only_the_owner_can_read_it_and_nothing_else_is_left_behind(path: Path) -> None:
    before = os.umask(0)
    try:
        SharedFile(path).change(write(Record(checked=time.time())))
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {entry.name for entry in path.parent.iterdir()} == {path.with_suffix(".lock").name, path.name}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()} == {0o600}


def test_it_is_replaced_as_a_whole(path: Path) -> None:
    """Whoever reads while another writes sees the old text or the new one."""
    file = SharedFile(path)
    file.change(write(Record(flaps=1, checked=time.time())))
    before = path.stat().st_ino
    with path.open("rb") as reader:
        file.change(write(Record(flaps=2, checked=time.time())))
        assert b'"flaps": 1' in reader.read()
    assert path.stat().st_ino != before


def test_nothing_is_written_when_nothing_changes(path: Path) -> None:
    SharedFile(path).change(look)
    assert not path.exists()


def test_the_name_tells_nothing_and_depends_on_all_of_it() -> None:
    name = file_name(["https://a.example.com", "from None"])
    assert name == file_name(["https://a.example.com", "from None"])
    assert name != file_name(["https://a.example.com", "from https://b.example.com"])
    assert "example" not in name
    assert name.startswith("endpoints-v1-")
    assert name.endswith(".json")


def broken_file(path: Path) -> None:
    path.write_bytes(b"{ this is")
    path.chmod(0o600)


def huge_file(path: Path) -> None:
    path.write_bytes(b" " * (MOST_BYTES + 1))
    path.chmod(0o600)


def open_file(path: Path) -> None:
    path.write_bytes(SharedState(endpoints={URL: Record(good=True, checked=time.time())}).encode(time.time()))
    path.chmod(0o644)


def link(path: Path) -> None:
    target = path.with_name("elsewhere")
    open_file(target)
    target.chmod(0o600)
    path.symlink_to(target)


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    path.mkdir()


@needs_posix
@pytest.mark.parametrize("spoil", [broken_file, huge_file, open_file, link, pipe])
def test_a_file_that_cannot_be_trusted_is_ignored_with_one_warning_and_replaced(
    path: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(0o700)
    spoil(path)
    file = SharedFile(path)

    assert file.change(look) == SharedState()
    assert file.change(look) == SharedState()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    file.change(write(Record(flaps=7, checked=time.time())))
    assert SharedFile(path).change(look).record(URL).flaps == 7
    assert not path.is_symlink()


@needs_posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_or_folder_of_somebody_else_is_not_believed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = SharedFile(path)
    file.change(write(Record(flaps=7, checked=time.time())))
    os.chown(path, 12345, -1)
    assert file.change(look) == SharedState()
    assert "not ours alone" in caplog.text

    os.chown(path.parent, 12345, -1)
    with pytest.raises(PermissionError):
        file.change(look)


@needs_posix
def test_a_folder_that_others_may_write_into_is_not_used(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        SharedFile(path).change(look)


@needs_posix
def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match=r".+"):
        SharedFile(tmp_path / "taken" / "x.json").change(look)


def test_what_cannot_be_written_leaves_no_draft(path: Path) -> None:
    path.parent.mkdir(0o700)
    folder(path)
    with pytest.raises(OSError, match=r".+"):
        SharedFile(path).change(write(Record(checked=time.time())))
    assert not list(path.parent.glob("*.tmp"))


def test_drafts_of_killed_processes_are_removed_in_the_end(path: Path) -> None:
    path.parent.mkdir(0o700)
    old, new = path.with_suffix(".1.tmp"), path.with_suffix(".2.tmp")
    for draft in (old, new):
        draft.write_text("half")
    os.utime(old, (1, 1))
    SharedFile(path).tidy()
    assert not old.exists()
    assert new.exists()


@needs_posix
def test_a_lock_that_is_held_means_busy_and_one_that_is_stuck_is_ignored(path: Path) -> None:
    import fcntl

    file = SharedFile(path)
    file.change(look)
    lock = path.with_suffix(".lock")
    with lock.open("r+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            file.change(look)
        long_ago = time.time() - LOCK_LIFE - 1
        os.utime(lock, (long_ago, long_ago))
        file.change(write(Record(flaps=3, checked=time.time())))
    assert file.change(look).record(URL).flaps == 3


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"NEXEVO_CACHE_DIR": "/x/y"}, "linux", "/x/y"),
        ({"NEXEVO_CACHE_DIR": ""}, "linux", None),
        ({"NEXEVO_CACHE_DIR": " ", "XDG_CACHE_HOME": "/c"}, "linux", None),
        ({"XDG_CACHE_HOME": "/c"}, "linux", "/c/nexevo"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "~/.cache/nexevo"),
        ({}, "linux", "~/.cache/nexevo"),
        ({}, "win32", "~/AppData/Local/nexevo"),
    ],
)
def test_where_it_is(environment: dict[str, str], platform: str, expected: str | None) -> None:
    found = cache_folder(environment, platform)
    assert found == (None if expected is None else Path(expected).expanduser())


def test_without_a_home_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder({}, "linux") is None


# -- off the loop


async def test_blocking_work_does_not_block_the_loop_and_its_end_is_told() -> None:
    assert await off_loop(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await off_loop(lambda: 1 / 0)


async def test_whoever_gives_up_waiting_is_free_at_once() -> None:
    """A file system that hangs keeps nobody."""
    hanging = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await off_loop(lambda: hanging.wait(10))
    hanging.set()


def test_work_that_outlives_its_loop_is_forgotten() -> None:
    hanging = threading.Event()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await off_loop(lambda: hanging.wait(10))

    asyncio.run(main())
    hanging.set()


def test_a_file_system_that_hangs_keeps_no_process_alive() -> None:
    script = """
        import asyncio, threading
        from nexevo_async._shared_file import off_loop

        async def main():
            try:
                async with asyncio.timeout(0.05):
                    await off_loop(threading.Event().wait)
            except TimeoutError:
                print("gave up")

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=10, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("gave up\n", "", 0)


# -- many processes

HEAD = """
import asyncio, os, signal, sys, time
from pathlib import Path
from nexevo_async import AsyncNexevo, HealthPolicy
from nexevo_async._sansio.shared_state import Record
from nexevo_async._shared_file import Busy, SharedFile
from nexevo_async.sandbox import Sandbox

def forked(work, number):
    pids = []
    for place in range(number):
        pid = os.fork()
        if pid == 0:
            try:
                work(place)
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
            os._exit(0)
        pids.append(pid)
    return pids
"""


def run_processes(script: str, folder: Path, *, timeout: float = 50) -> str:
    """Run a program that forks; what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HEAD + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "NEXEVO_CACHE_DIR": str(folder)},
    )
    assert (done.stderr, done.returncode) == ("", 0), done.stdout
    return done.stdout


@needs_posix
def test_nothing_is_lost_when_many_write_at_once(tmp_path: Path) -> None:
    """Ten processes count to twenty each."""
    run_processes(
        """
        import attrs
        file = SharedFile(Path(os.environ["NEXEVO_CACHE_DIR"]) / "x.json")

        def once_more(state):
            record = state.record("u")
            more = attrs.evolve(record, flaps=record.flaps + 1, checked=time.time())
            return state.with_records({"u": more}), record.flaps

        def count(_):
            for _ in range(20):
                while True:
                    try:
                        file.change(once_more)
                        break
                    except Exception:
                        time.sleep(0.001)

        for pid in forked(count, 10):
            assert os.waitpid(pid, 0)[1] == 0
        assert file.change(once_more) == 200
        """,
        tmp_path,
    )


@needs_posix
def test_a_process_killed_while_it_holds_the_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    run_processes(
        """
        file = SharedFile(Path(os.environ["NEXEVO_CACHE_DIR"]) / "x.json")
        ready, told = os.pipe()

        def hold(_):
            def stop(state):
                os.write(told, b"!")
                time.sleep(60)
                return state, None
            file.change(stop)

        pid = forked(hold, 1)[0]
        assert os.read(ready, 1) == b"!"
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        file.change(lambda state: (state.with_records({"u": Record(checked=time.time())}), None))
        assert time.monotonic() - began < 0.2
        os.waitpid(pid, 0)
        """,
        tmp_path,
    )


@needs_posix
def test_twenty_processes_probe_and_discover_about_as_often_as_one(tmp_path: Path) -> None:
    """
    In compressed time: a period of 1 s stands for five minutes. One process is killed in the middle of a question, and
    another one while it holds the lock.

    An endpoint may meet two checks at once and one more for each period; twenty processes that know nothing of each
    other would make about eighty in four periods.
    """
    out = run_processes(
        """
        PERIOD = 1.0
        policy = HealthPolicy(
            probe_period=PERIOD, probe_timeout=1.0, links_ttl=12 * PERIOD, links_min_interval=PERIOD,
            links_min_interval_panic=PERIOD / 5, links_error_base=PERIOD / 5, links_timeout=0.5,
        )

        def die_with_the_lock():
            while not (files := list(Path(os.environ["NEXEVO_CACHE_DIR"]).glob("*.json"))):
                time.sleep(0.01)

            def stop(state):
                time.sleep(0.1)  # the others come, and look again
                os.kill(os.getpid(), signal.SIGKILL)

            while True:
                try:
                    SharedFile(files[0]).change(stop)
                except Busy:
                    time.sleep(0.001)

        def work(place):
            if place == 1:
                die_with_the_lock()

            async def main():
                client = AsyncNexevo(
                    box.api_key, base_urls=box.base_urls[:2], discovery_url=box.discovery_url, health=policy
                )
                async with client:
                    await client.models.list()
                    if place == 0:
                        await asyncio.sleep(0.1)
                        os.kill(os.getpid(), signal.SIGKILL)
                    await asyncio.sleep(4 * PERIOD)
                    found = {status.url: status.state for status in client.endpoints.snapshot()}
                    assert set(found) == set(box.base_urls), found
                    assert "unknown" not in (found[box.base_urls[0]], found[box.base_urls[1]]), found
            asyncio.run(main())

        with Sandbox(bases=3, rate_limit=None) as box:
            box.fault("discovery", "slow", delay=0.3)
            began = time.monotonic()
            ends = [os.waitpid(pid, 0)[1] for pid in forked(work, 20)]
            periods = (time.monotonic() - began) / PERIOD
            journal = box.journal()
        assert ends[:2] == [signal.SIGKILL] * 2 and set(ends[2:]) == {0}, ends
        for base in range(3):
            checks = [entry for entry in journal if entry.base == base and entry.route == "endpoints.health"]
            print(base, len(checks), round(periods, 1))
            assert 3 <= len(checks) <= 2 + periods, (base, len(checks), periods)
            assert not any(entry.authorized for entry in checks)
        asked = [entry for entry in journal if entry.route == "endpoints.links"]
        print("links", len(asked))
        assert 1 <= len(asked) <= 2, asked
        """,
        tmp_path,
    )
    assert "links" in out
    texts = [file.read_text() for file in tmp_path.glob("*.json")]
    assert len(texts) == 1
    assert "sk-" not in texts[0]


def test_states_are_immutable_so_that_threads_may_share_them() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        SharedState().fetched = 1.0  # type: ignore[misc]


@needs_posix
def test_a_suspended_process_does_not_keep_the_lock_for_long(path: Path) -> None:
    """SIGSTOP hits a process anywhere; whoever stands still with the lock is waited for briefly, then overlooked."""
    file = SharedFile(path)
    file.change(look)
    script = f"""
        import fcntl
        lock = open({str(path.with_suffix(".lock"))!r}, "r+")
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("held", flush=True)
        time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", HEAD + textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(Busy):
            file.change(look)
    finally:
        child.kill()
        child.communicate()
    assert file.change(look) == SharedState()
