"""The portal in processes of their own: forks, Ctrl-C, and every way in which an interpreter may exit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

#: Since 3.12 Python warns of every fork beside a thread. That it goes well all the same is what is tested here.
FORKING = ("-W", "ignore:This process:DeprecationWarning")

PREAMBLE = """
import asyncio, os, random, signal, sys, threading, time
from nexevo_sync._portal import Portal

class Closed(RuntimeError):
    pass

async def double(number):
    await asyncio.sleep(0)
    return 2 * number

async def forever():
    await asyncio.sleep(3600)

async def endless():
    number = 0
    while True:
        yield number
        number += 1
        await asyncio.sleep(0)

def worker(work, daemon=False):
    thread = threading.Thread(target=work, daemon=daemon)
    thread.start()
    return thread
"""


def run(script: str, *options: str, uvloop: bool = False) -> tuple[int, str, str]:
    """Run a script in a fresh interpreter: exit status, what it printed, and what it complained about."""
    source = PREAMBLE + f"portal = Portal(closed_error=Closed, uvloop={uvloop})\n" + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, *FORKING, "-c", source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


# Ctrl-C


@POSIX
def test_ctrl_c_at_20_random_moments_is_raised_once_each_and_every_coroutine_cleans_up() -> None:
    script = """
    began = ended = interrupts = 0

    async def work():
        global began, ended
        began += 1
        try:
            await asyncio.sleep(0.002)
        finally:
            try:
                await asyncio.sleep(0.001)
            finally:  # the interrupt may come while it cleans up of its own accord
                ended += 1

    portal.call(double, 1)
    dice = random.Random(7)
    for _ in range(20):
        bell = threading.Timer(dice.uniform(0, 0.02), os.kill, (os.getpid(), signal.SIGINT))
        try:
            bell.start()
            while True:
                portal.call(work)
        except KeyboardInterrupt:
            interrupts += 1
            assert began == ended, (began, ended)
        bell.join()
    assert portal.call(double, 4) == 8
    portal.close()
    print(interrupts, began == ended)
    """
    assert run(script) == (0, "20 True", "")


@POSIX
def test_ctrl_c_that_nobody_catches_ends_the_script_like_any_other() -> None:
    script = """
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    portal.call(forever)
    """
    status, printed, complaint = run(script)
    assert (status, printed) == (-2, "")
    assert complaint.splitlines()[-1] == "KeyboardInterrupt"
    assert complaint.count("Traceback") == 1


# Fork


@FORKS
@pytest.mark.parametrize("uvloop", [False, True])
def test_fork_under_load_both_sides_go_on_and_every_child_answers(uvloop: bool) -> None:
    pytest.importorskip("uvloop")
    script = """
    import gc
    stop = False

    def hammer():
        while not stop:
            assert portal.call(double, 3) == 6

    stream = portal.iterate(endless)
    next(stream)
    crowd = [worker(hammer) for _ in range(4)]
    children = []
    for _ in range(6):
        time.sleep(0.01)
        pid = os.fork()
        if not pid:
            signal.alarm(10)
            gc.collect()
            good = portal.call(double, 21) == 42 and sum(t.name == "nexevo-sync" for t in threading.enumerate()) == 1
            portal.close()
            del stream
            gc.collect()
            os._exit(0 if good else 1)
        children.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in children]
    stop = True
    for thread in crowd:
        thread.join()
    print(statuses, portal.call(double, 5), next(stream))
    stream.close()
    portal.close()
    """
    assert run(script, "-W", "error", uvloop=uvloop) == (0, "[0, 0, 0, 0, 0, 0] 10 1", "")


@FORKS
def test_a_child_that_exits_normally_leaves_the_parents_sockets_watched() -> None:
    script = """
    async def serve():
        async def answer(reader, writer):
            while line := await reader.readline():
                writer.write(line.upper())
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    async def connect():
        return await asyncio.open_connection("127.0.0.1", port)

    async def ask(word):
        writer.write(word + b"\\n")
        return (await asyncio.wait_for(reader.readline(), 5)).strip()

    server, port = portal.call(serve)
    reader, writer = portal.call(connect)
    assert portal.call(ask, b"before") == b"BEFORE"
    pid = os.fork()
    if not pid:
        portal.call(double, 1)
        sys.exit(0)
    status = os.waitpid(pid, 0)[1]
    print(status, portal.call(ask, b"after").decode(), flush=True)
    os._exit(0)  # on its way out, asyncio's stream server of Python 3.11 complains about its cancelled handlers
    """
    assert run(script) == (0, "0 AFTER", "")


@FORKS
def test_a_stream_opened_before_a_fork_is_refused_in_the_child_instead_of_hanging() -> None:
    script = """
    stream = portal.iterate(endless, ahead=1)
    next(stream)
    pid = os.fork()
    if not pid:
        signal.alarm(10)
        try:
            while True:
                next(stream)
        except RuntimeError as error:
            os._exit(0 if "before a fork" in str(error) else 1)
    print(os.waitpid(pid, 0)[1])
    """
    assert run(script) == (0, "0", "")


@FORKS
def test_a_fork_while_another_thread_makes_the_first_call_does_not_lock_the_child_out() -> None:
    script = """
    original, parent, began = threading.Thread.start, os.getpid(), threading.Event()

    def slow_start(thread):
        if thread.name == "nexevo-sync" and os.getpid() == parent:
            began.set()
            time.sleep(0.3)
        original(thread)

    first = threading.Thread(target=lambda: portal.call(double, 1))
    threading.Thread.start = slow_start
    first.start()
    began.wait()
    pid = os.fork()
    if not pid:
        signal.alarm(10)
        os._exit(0 if portal.call(double, 2) == 4 else 1)
    print(os.waitpid(pid, 0)[1], portal.call(double, 3))
    """
    assert run(script) == (0, "0 6", "")


@FORKS
def test_a_portal_made_in_the_master_works_in_forked_workers_of_multiprocessing() -> None:
    script = """
    import multiprocessing

    def job(number):
        return portal.call(double, number)

    portal.call(double, 0)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(job, range(5)))
    """
    assert run(script) == (0, "[0, 2, 4, 6, 8]", "")


# Exit


EXITS = {
    "never closed": "portal.call(double, 1)",
    "a stream is open": "stream = portal.iterate(endless); next(stream)",
    "daemon threads wait": """
        crowd = [worker(lambda: portal.call(forever), daemon=True) for _ in range(8)]
        portal.call(asyncio.sleep, 0.05)
        """,
    "daemon threads call on and on": """
        def hammer():
            while True:
                portal.call(double, 1)
        crowd = [worker(hammer, daemon=True) for _ in range(4)]
        time.sleep(0.05)
        """,
    "a daemon thread reads a stream": """
        crowd = [worker(lambda: sum(portal.iterate(endless)), daemon=True)]
        time.sleep(0.05)
        """,
    "a thread is still in a call": "worker(lambda: portal.call(asyncio.sleep, 0.2))",
    "background tasks run": """
        async def begin():
            globals()["task"] = asyncio.create_task(forever())
        portal.call(begin)
        """,
    "calls from __del__": """
        class Late:
            def __del__(self):
                try:
                    portal.call(double, 1)
                except Closed:
                    pass
        late = Late()
        portal.call(double, 1)
        """,
    "calls from atexit": """
        import atexit
        atexit.register(portal.call, double, 1)
        portal.call(double, 1)
        """,
    "a coroutine refuses to stop": """
        async def stubborn():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass
        worker(lambda: portal.call(stubborn), daemon=True)
        time.sleep(0.05)
        """,
    "the loop is blocked": """
        async def block():
            time.sleep(3600)
        worker(lambda: portal.call(block), daemon=True)
        time.sleep(0.05)
        """,
    "a callback blocks": """
        worker(lambda: portal.call(Portal.off_loop(lambda: time.sleep(3600))), daemon=True)
        time.sleep(0.05)
        """,
    "sys.exit": "portal.call(double, 1); sys.exit(0)",
    "os._exit": "worker(lambda: portal.call(forever), daemon=True); time.sleep(0.05); os._exit(0)",
}


@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("script", EXITS.values(), ids=EXITS)
def test_the_interpreter_exits_without_a_hang_and_without_a_word(script: str, uvloop: bool) -> None:
    pytest.importorskip("uvloop")
    assert run(script, "-W", "always::ResourceWarning", uvloop=uvloop) == (0, "", "")


def test_the_clients_own_closing_runs_at_exit() -> None:
    script = """
    async def aclose():
        print("closed", flush=True)

    portal = Portal(aclose)
    portal.call(double, 1)
    """
    assert run(script) == (0, "closed", "")


def test_an_unhandled_error_exits_with_its_own_traceback_only() -> None:
    script = """
    async def broken():
        raise ValueError("only this")
    portal.call(broken)
    """
    status, printed, complaint = run(script)
    assert (status, printed) == (1, "")
    assert complaint.splitlines()[-1] == "ValueError: only this"
    assert complaint.count("Traceback") == 1
