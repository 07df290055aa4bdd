"""The portal, seen from the threads that use it; what needs a process of its own is in test_portal_processes."""
# ruff: noqa: PT012, PT017, PT031, SIM105 - these tests are about what happens inside and after such blocks

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib.util
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from nexevo_sync import _inbox, _portal
from nexevo_sync._portal import Portal

SIGNALS = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
LOOPS = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(not importlib.util.find_spec("uvloop"), reason="no uvloop")),
]


class Closed(RuntimeError):
    """Stands in for the client's own error."""


class Interrupted(BaseException):
    """Raised by a signal handler."""


@pytest.fixture(params=[*LOOPS, "sockets"], ids=["asyncio", "uvloop", "sockets"])
def portal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """Open; "sockets" is how the loop is woken on systems without eventfd."""
    if request.param == "sockets":
        monkeypatch.setattr(_inbox, "_HAS_EVENTFD", False)
    door = Portal(closed_error=Closed, uvloop=request.param is True, name="door")
    yield door
    door.close()
    assert "door" not in {thread.name for thread in threading.enumerate()}


async def double(number: int, *, plus: int = 0) -> int:
    await asyncio.sleep(0)
    return 2 * number + plus


class Sleeper:
    """A coroutine that sleeps for ever, and notes that it began and that it cleaned up."""

    def __init__(self, cleanup: float = 0.0) -> None:
        self.began = threading.Event()
        self.cleaned = False
        self._cleanup = cleanup

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(self._cleanup)
            self.cleaned = True


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Run work in a thread; the list receives its result or its exception."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def until(condition: Callable[[], bool]) -> None:
    """Wait for something another thread does; pytest's timeout is the limit."""
    while not condition():
        time.sleep(0.001)


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """Has a signal handler raise in the main thread after each of some delays, in seconds, one after the other."""

    def handler(number: int, frame: object) -> None:
        raise Interrupted

    def ring(*delays: float) -> None:
        def work() -> None:
            for delay in delays:
                time.sleep(delay)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

        bells.append(threading.Thread(target=work))
        bells[-1].start()

    bells: list[threading.Thread] = []
    before = signal.signal(signal.SIGUSR1, handler)
    yield ring
    for bell in bells:
        bell.join()
    signal.signal(signal.SIGUSR1, before)


# Calls


def test_a_call_returns_what_the_coroutine_returns(portal: Portal) -> None:
    assert portal.call(double, 4, plus=1) == 9


def test_the_thread_starts_with_the_first_call_and_is_a_named_daemon() -> None:
    portal = Portal(name="late riser")
    assert "late riser" not in {thread.name for thread in threading.enumerate()}
    portal.call(double, 1)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "late riser"] == [True]
    portal.close()


def test_64_threads_share_one_portal(portal: Portal) -> None:
    crowd = [in_thread(lambda n=n: [portal.call(double, n + i) for i in range(50)]) for n in range(64)]
    for thread, _ in crowd:
        thread.join()
    assert [outcome for _, outcome in crowd] == [[[2 * (n + i) for i in range(50)]] for n in range(64)]


def test_calls_of_two_threads_run_at_the_same_time(portal: Portal) -> None:
    async def meet() -> None:
        await barrier.wait()

    async def make() -> asyncio.Barrier:
        return asyncio.Barrier(2)

    barrier = portal.call(make)
    thread, outcome = in_thread(lambda: portal.call(meet))
    portal.call(meet)
    thread.join()
    assert outcome == [None]


def test_background_tasks_go_on_while_nobody_calls(portal: Portal) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.001)
            ticks.append(1)

    async def begin() -> asyncio.Task[None]:
        return asyncio.create_task(tick())

    task = portal.call(begin)
    until(lambda: len(ticks) > 3)
    assert not task.done()


def test_context_variables_cross_into_the_coroutine_and_its_changes_stay_there(portal: Portal) -> None:
    flavour = contextvars.ContextVar("flavour", default="plain")

    async def taste() -> str:
        found = flavour.get()
        flavour.set("changed inside")
        return found

    flavour.set("vanilla")
    assert portal.call(taste) == "vanilla"
    assert flavour.get() == "vanilla"


def test_the_exception_being_handled_is_visible_inside_and_untouched_outside(portal: Portal) -> None:
    async def look() -> BaseException | None:
        await asyncio.sleep(0)
        return sys.exc_info()[1]

    assert portal.call(look) is None
    try:
        raise KeyError("outer")
    except KeyError as outer:
        depth = len(traceback.extract_tb(outer.__traceback__))
        assert portal.call(look) is outer
        assert sys.exc_info()[1] is outer
        assert len(traceback.extract_tb(outer.__traceback__)) == depth
    assert sys.exc_info()[1] is None


def test_an_error_keeps_its_context_when_the_caller_is_handling_another(portal: Portal) -> None:
    async def stumble() -> None:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")  # noqa: B904 - the implicit context is what is tested

    with pytest.raises(ValueError, match="second") as caught:
        try:
            raise OSError("outer")
        except OSError:
            portal.call(stumble)
    chain = [caught.value, caught.value.__context__, caught.value.__context__.__context__]
    assert [type(link) for link in chain] == [ValueError, KeyError, OSError]


# Errors


async def broken() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken inside")


def test_a_traceback_shows_the_caller_two_frames_of_the_portal_and_the_coroutine(portal: Portal) -> None:
    with pytest.raises(ValueError) as caught:
        portal.call(broken)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == [sys._getframe().f_code.co_name, "call", "_run", "broken"]


def test_an_exception_object_raised_again_and_again_does_not_grow(portal: Portal) -> None:
    one = ValueError("always the same object")

    async def again() -> None:
        raise one

    lengths = set()
    for _ in range(20):
        with pytest.raises(ValueError):
            portal.call(again)
        lengths.add(len(traceback.extract_tb(one.__traceback__)))
    assert max(lengths) <= 6


def test_the_traceback_of_a_call_inside_a_hook_is_whole(portal: Portal) -> None:
    def hook() -> None:
        portal.call(broken)

    with pytest.raises(ValueError) as caught:
        portal.call(Portal.off_loop(hook))
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[-4:] == ["hook", "call", "_run", "broken"]


def test_a_raised_error_is_freed_without_the_garbage_collector(portal: Portal) -> None:
    class Big(Exception):
        """Can be referred to weakly."""

    import weakref

    async def fail() -> None:
        raise Big

    gc.disable()
    try:
        try:
            portal.call(fail)
        except Big as error:
            seen = weakref.ref(error)
        until(lambda: seen() is None)  # the loop may still hold it for a moment
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_exits_raised_in_the_coroutine_reach_the_caller_and_the_loop_lives_on(portal: Portal, kind: type[Any]) -> None:
    async def leave() -> None:
        raise kind

    with pytest.raises(kind):
        portal.call(leave)
    assert portal.call(double, 1) == 2


def test_system_exit_in_a_background_task_does_not_end_the_loop(portal: Portal) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def begin() -> None:
        await asyncio.create_task(leave())

    with pytest.raises(SystemExit):
        portal.call(begin)
    assert portal.call(double, 1) == 2


def test_a_call_from_the_loops_own_thread_is_refused(portal: Portal) -> None:
    async def careless() -> int:
        return portal.call(double, 1)

    with pytest.raises(RuntimeError, match="own event loop thread"):
        portal.call(careless)


# Interrupts


@SIGNALS
def test_an_interrupted_wait_cancels_the_coroutine_and_waits_for_its_cleanup(
    portal: Portal, alarm: Callable[..., None]
) -> None:
    sleeper = Sleeper(cleanup=0.02)
    alarm(0.02)
    with pytest.raises(Interrupted):
        portal.call(sleeper)
    assert sleeper.cleaned
    assert portal.call(double, 1) == 2


@SIGNALS
def test_a_second_interrupt_gets_out_while_the_coroutine_is_still_cleaning_up(
    portal: Portal, alarm: Callable[..., None]
) -> None:
    sleeper = Sleeper(cleanup=0.5)
    alarm(0.02, 0.05)
    with pytest.raises(Interrupted) as caught:
        portal.call(sleeper)
    assert not sleeper.cleaned
    assert isinstance(caught.value.__context__, Interrupted)
    until(lambda: sleeper.cleaned)


@SIGNALS
def test_a_cleanup_that_fails_is_the_context_of_the_interrupt(portal: Portal, alarm: Callable[..., None]) -> None:
    async def clumsy() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("dropped a plate")

    alarm(0.02)
    with pytest.raises(Interrupted) as caught:
        portal.call(clumsy)
    assert repr(caught.value.__context__) == "ValueError('dropped a plate')"


@SIGNALS
def test_a_storm_of_interrupts_at_every_possible_place_loses_no_call(
    portal: Portal, alarm: Callable[..., None]
) -> None:
    running = 0

    async def work() -> None:
        nonlocal running
        running += 1
        try:
            await asyncio.sleep(0)
        finally:
            running -= 1

    portal.call(double, 1)
    for turn in range(400):
        try:
            alarm(0.0001 + turn * 2e-6)
            while True:
                portal.call(work)
        except Interrupted:
            assert portal.call(double, turn) == 2 * turn
    until(lambda: running == 0)


@SIGNALS
def test_a_signal_handler_may_itself_call_while_its_thread_is_waiting(portal: Portal) -> None:
    answers: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: answers.append(portal.call(double, 5)))

    async def ring() -> str:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        await asyncio.sleep(0.02)
        return "outer"

    try:
        assert portal.call(ring) == "outer"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert answers == [10]


@SIGNALS
def test_an_interrupt_of_the_first_call_leaves_nothing_half_made(alarm: Callable[..., None]) -> None:
    for turn in range(60):
        portal = Portal(name="interrupted")
        try:
            alarm(turn * 1e-5)
            while True:
                portal.call(double, 1)
        except Interrupted:
            portal.close()
    until(lambda: "interrupted" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param(os, "eventfd", marks=pytest.mark.skipif(not _inbox._HAS_EVENTFD, reason="no eventfd")),
        (socket, "socketpair"),
        (asyncio, "SelectorEventLoop"),
    ],
)
def test_a_loop_that_cannot_be_made_is_the_callers_error_and_the_next_call_tries_again(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    make = getattr(module, name)
    tries = iter([False])

    def fail_first(*args: Any) -> Any:
        if next(tries, True):
            return make(*args)
        raise OSError("too many open files")

    monkeypatch.setattr(_inbox, "_HAS_EVENTFD", name == "eventfd")
    monkeypatch.setattr(module, name, fail_first)
    portal = Portal()
    with pytest.raises(OSError, match="too many open files"):
        portal.call(double, 1)
    assert portal.call(double, 1) == 2
    portal.close()


# Threads that run an event loop


@pytest.fixture
def fresh_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: nobody has been warned yet."""
    monkeypatch.setattr(_portal, "_warned", False)


@pytest.mark.usefixtures("fresh_warning")
def test_a_thread_with_a_running_loop_is_served_and_warned_once(portal: Portal) -> None:
    async def cell() -> list[int]:
        return [portal.call(double, n) for n in range(3)]

    with pytest.warns(RuntimeWarning, match="AsyncNexevo") as seen:
        assert asyncio.run(cell()) == [0, 2, 4]
    assert [warning.filename for warning in seen] == [__file__]


@pytest.mark.usefixtures("fresh_warning")
def test_a_worker_thread_of_an_async_program_is_not_warned(portal: Portal) -> None:
    async def route() -> int:
        return await asyncio.to_thread(portal.call, double, 3)

    assert asyncio.run(route()) == 6


# Callbacks


def test_a_synchronous_callback_runs_off_the_loop_and_may_call_the_client(portal: Portal) -> None:
    flavour = contextvars.ContextVar("flavour", default="plain")
    flavour.set("mint")

    def hook(number: int) -> tuple[int, str]:
        return portal.call(double, number), flavour.get()

    assert portal.call(Portal.off_loop(hook), 6) == (12, "mint")


def test_a_coroutine_function_is_left_as_it_is() -> None:
    assert Portal.off_loop(double) is double


def test_a_callable_that_returns_an_awaitable_is_awaited(portal: Portal) -> None:
    assert portal.call(Portal.off_loop(lambda: double(7))) == 14


def test_callbacks_that_call_and_need_callbacks_do_not_starve_each_other(portal: Portal) -> None:
    inner = Portal.off_loop(lambda: 1)
    outer = Portal.off_loop(lambda: (time.sleep(0.01), portal.call(inner))[1])

    async def many() -> list[int]:
        return await asyncio.gather(*(outer() for _ in range(60)))

    assert portal.call(many) == [1] * 60


# Closing


def test_whoever_waits_when_the_portal_closes_gets_the_closed_error_after_cleanup() -> None:
    portal = Portal(closed_error=Closed)
    sleepers = [Sleeper(cleanup=0.01) for _ in range(5)]
    waiting = [in_thread(lambda sleeper=sleeper: portal.call(sleeper)) for sleeper in sleepers]
    for sleeper in sleepers:
        assert sleeper.began.wait(10)
    portal.close()
    for thread, _ in waiting:
        thread.join()
    assert [type(outcome[0]) for _, outcome in waiting] == [Closed] * 5
    assert [sleeper.cleaned for sleeper in sleepers] == [True] * 5


def test_a_coroutine_that_refuses_to_stop_cannot_hold_up_the_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    from nexevo_sync import _crossing

    monkeypatch.setattr(_crossing.LoopThread.stop, "__kwdefaults__", {"grace": 0.01, "leaving": False})
    portal = Portal(closed_error=Closed)
    stop = threading.Event()
    began = threading.Event()

    async def stubborn() -> None:
        began.set()
        while not stop.is_set():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

    thread, outcome = in_thread(lambda: portal.call(stubborn))
    assert began.wait(10)
    portal.close()
    thread.join()
    stop.set()
    gc.collect()
    assert [type(error) for error in outcome] == [Closed]


def test_closing_runs_the_clients_own_closing_on_the_loop_and_passes_its_error_on() -> None:
    where: list[str] = []

    async def aclose() -> None:
        where.append(threading.current_thread().name)
        raise ValueError("could not say goodbye")

    portal = Portal(aclose, name="here")
    portal.call(double, 1)
    with pytest.raises(ValueError, match="goodbye"):
        portal.close()
    portal.close()
    assert where == ["here"]


def test_closing_twice_or_before_the_first_call_is_fine_and_later_calls_are_refused() -> None:
    portal = Portal(closed_error=Closed)
    portal.close()
    portal.close()
    assert portal.closed
    with pytest.raises(Closed, match="closed"):
        portal.call(double, 1)


def test_closing_from_the_loops_own_thread_is_refused(portal: Portal) -> None:
    async def careless() -> None:
        portal.close()

    with pytest.raises(RuntimeError, match="own event loop thread"):
        portal.call(careless)


def test_whoever_comes_between_the_check_and_the_end_of_the_loop_is_not_forgotten() -> None:
    portal = Portal()
    line = portal.enter()
    portal.close()
    ran: list[str] = []
    line.post(lambda: ran.append("by the caller itself"))
    assert ran == ["by the caller itself"]


def test_calls_racing_with_close_either_succeed_or_get_the_closed_error() -> None:
    for _ in range(20):
        portal = Portal(closed_error=Closed)
        portal.call(double, 0)

        def hammer(portal: Portal = portal) -> int:
            while True:
                portal.call(double, 1)

        crowd = [in_thread(hammer) for _ in range(4)]
        portal.close()
        for thread, _ in crowd:
            thread.join()
        assert [type(outcome[0]) for _, outcome in crowd] == [Closed] * 4


def test_a_forgotten_portal_warns_once_closes_the_client_and_ends_its_thread() -> None:
    closed = threading.Event()

    async def aclose() -> None:
        closed.set()

    portal = Portal(aclose, name="forgotten")
    line = sys._getframe().f_lineno - 1
    portal.call(double, 1)
    with pytest.warns(ResourceWarning, match="never closed") as seen:
        del portal
        gc.collect()
    assert [(warning.filename, warning.lineno) for warning in seen] == [(__file__, line)]
    assert closed.wait(10)
    until(lambda: "forgotten" not in {thread.name for thread in threading.enumerate()})


def test_a_portal_that_was_never_used_can_be_forgotten_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del [Portal()][0]
        gc.collect()


def test_asking_for_uvloop_without_having_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(ImportError, match=r"nexevo\[speed\]"):
        Portal(uvloop=True)


# Streams


class Source:
    """An async iterator that counts what it gave and notes its closing."""

    def __init__(self, *, count: int = 10, fail: bool = False, gate: asyncio.Event | None = None) -> None:
        self.given = 0
        self.closed = threading.Event()
        self._count = count
        self._fail = fail
        self._stall = gate

    async def __call__(self) -> AsyncIterator[int]:
        try:
            while self.given < self._count:
                self.given += 1
                yield self.given - 1
            if self._fail:
                raise ValueError("the line went dead")
            if self._stall is not None:
                await self._stall.wait()
        finally:
            await asyncio.sleep(0)
            self.closed.set()


class Batches:
    """A source that knows what is there: bursts of 7."""

    def __init__(self, count: int) -> None:
        self.given = 0
        self._count = count
        self._there: list[int] = []

    async def next_batch(self, most: int) -> list[int]:
        assert most > 0
        if not self._there:
            await asyncio.sleep(0)
            self._there = list(range(self.given, min(self.given + 7, self._count)))
        batch, self._there = self._there[:most], self._there[most:]
        self.given += len(batch)
        return batch

    def __aiter__(self) -> AsyncIterator[int]:
        raise AssertionError("it is asked for batches")


@pytest.mark.parametrize("ahead", [1, 2, 3, 64])
@pytest.mark.parametrize("pause", [0, 0.0001])
def test_batches_cross_in_order_and_never_more_than_there_is_room_for(portal: Portal, ahead: int, pause: float) -> None:
    source = Batches(500)
    got = []
    for item in portal.iterate(lambda: source, ahead=ahead):
        assert source.given <= item + 1 + ahead
        got.append(item)
        time.sleep(pause)
    assert got == list(range(500))


@pytest.mark.parametrize("ahead", [1, 2, 3, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 1000])
def test_every_item_crosses_in_order(portal: Portal, ahead: int, count: int) -> None:
    source = Source(count=count)
    assert list(portal.iterate(lambda: source(), ahead=ahead)) == list(range(count))
    assert source.closed.is_set()


def test_an_exhausted_iterator_stays_exhausted(portal: Portal) -> None:
    items = portal.iterate(lambda: Source(count=1)())
    assert [list(items), list(items)] == [[0], []]


def test_nothing_is_opened_before_the_first_item_is_asked_for(portal: Portal) -> None:
    source = Source()
    portal.iterate(lambda: source())
    assert source.given == 0


def test_the_first_item_does_not_wait_for_a_second(portal: Portal) -> None:
    source = Source(count=1, gate=asyncio.Event())
    with portal.iterate(lambda: source(), ahead=64) as items:
        assert next(items) == 0
    assert source.closed.is_set()


@pytest.mark.parametrize("ahead", [1, 5, 64])
def test_a_slow_reader_stops_the_source_after_so_many_items(portal: Portal, ahead: int) -> None:
    source = Source(count=1000)
    with portal.iterate(lambda: source(), ahead=ahead) as items:
        assert [next(items) for _ in range(3)] == [0, 1, 2]
        for _ in range(20):
            portal.call(asyncio.sleep, 0)
        assert source.given <= 3 + ahead


def test_what_arrived_before_an_error_is_delivered_before_the_error(portal: Portal) -> None:
    source = Source(count=100, fail=True)
    items = portal.iterate(lambda: source(), ahead=7)
    got = []
    with pytest.raises(ValueError, match="dead") as caught:
        for item in items:
            got.append(item)
    assert got == list(range(100))
    assert list(items) == []
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[1:] == ["__iter__", "_pump", "_fill", "__call__"]


def test_an_error_while_opening_reaches_the_reader(portal: Portal) -> None:
    def refuse() -> AsyncIterator[int]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        next(portal.iterate(refuse))


def test_leaving_early_closes_the_source_and_closing_again_is_fine(portal: Portal) -> None:
    source = Source(count=1000)
    with portal.iterate(lambda: source(), ahead=4) as items:
        assert next(items) == 0
    assert source.closed.is_set()
    items.close()
    assert list(items) == []


def test_dropping_an_open_iterator_closes_the_source_and_names_the_line_that_made_it(portal: Portal) -> None:
    source = Source(count=1000)
    with pytest.warns(ResourceWarning, match="dropped before its end") as seen:
        line, items = sys._getframe().f_lineno, portal.iterate(lambda: source())
        next(items)
        del items
        gc.collect()
    assert [(warning.filename, warning.lineno) for warning in seen] == [(__file__, line)]
    assert source.closed.wait(10)


@SIGNALS
def test_an_interrupt_while_waiting_for_an_item_closes_the_source(portal: Portal, alarm: Callable[..., None]) -> None:
    source = Source(count=2, gate=asyncio.Event())
    items = portal.iterate(lambda: source())
    assert [next(items), next(items)] == [0, 1]
    alarm(0.02)
    with pytest.raises(Interrupted):
        next(items)
    assert source.closed.is_set()
    assert list(items) == []


async def in_spite_of_an_interrupt(make: Callable[[], Any]) -> Any:
    """Something that is made although whoever wanted it has gone."""
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        pass
    return make()


@SIGNALS
def test_what_a_coroutine_opened_in_spite_of_an_interrupt_is_closed(portal: Portal, alarm: Callable[..., None]) -> None:
    class Opened:
        closed = threading.Event()

        async def aclose(self) -> None:
            self.closed.set()

    alarm(0.02)
    with pytest.raises(Interrupted):
        portal.call(in_spite_of_an_interrupt, Opened)
    assert Opened.closed.wait(10)


@SIGNALS
def test_an_action_that_fails_is_told_to_the_loop_and_everybody_elses_calls_go_on(
    portal: Portal, alarm: Callable[..., None]
) -> None:
    class Opened:
        def aclose(self) -> None:
            raise LookupError("cannot be closed")

    async def listen() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))

    told: list[BaseException] = []
    portal.call(listen)
    alarm(0.02)
    with pytest.raises(Interrupted):
        portal.call(in_spite_of_an_interrupt, Opened)
    assert portal.call(double, 1) == 2
    assert [repr(error) for error in told] == ["LookupError('cannot be closed')"]


@pytest.mark.parametrize("reading", [False, True])
def test_an_open_source_is_closed_even_if_nobody_reads_it(portal: Portal, reading: bool) -> None:
    source = Source(count=1000)
    opened = source()
    portal.call(opened.__anext__)
    items = portal.iterate(lambda: opened, opened=True, ahead=3)
    if reading:
        assert next(items) == 1
    items.close()
    assert source.closed.is_set()
    assert list(items) == []


def test_an_open_source_is_closed_with_the_portal_and_its_reader_is_told() -> None:
    portal = Portal(closed_error=Closed)
    source = Source(count=1000)
    opened = source()
    portal.call(opened.__anext__)
    items = portal.iterate(lambda: opened, opened=True)
    portal.close()
    assert source.closed.is_set()
    with pytest.raises(Closed):
        next(items)


def test_a_source_is_left_to_others_after_what_is_under_way(portal: Portal) -> None:
    async def rest() -> list[int]:
        return [item async for item in opened]

    source = Source(count=10)
    opened = source()
    portal.call(opened.__anext__)
    items = portal.iterate(lambda: opened, opened=True)
    items.rest()
    assert portal.call(rest) == list(range(1, 10))
    assert list(items) == []
    items.close()


def test_a_batch_is_what_has_arrived_and_at_most_so_many(portal: Portal) -> None:
    items = portal.iterate(lambda: Source(count=10)(), ahead=64)
    batches = [items.next_batch(4)]
    while batches[-1]:
        batches.append(items.next_batch(4))
    assert [item for batch in batches for item in batch] == list(range(10))
    assert max(map(len, batches)) <= 4


def test_a_plain_function_runs_on_the_loop_while_there_is_one(portal: Portal) -> None:
    assert portal.run(threading.current_thread) is threading.current_thread()
    portal.call(double, 1)
    assert portal.run(threading.current_thread).name == "door"
    portal.close()
    assert portal.run(threading.current_thread) is threading.current_thread()


@SIGNALS
def test_a_storm_of_interrupts_never_leaves_a_reader_waiting(portal: Portal, alarm: Callable[..., None]) -> None:
    for turn in range(100):
        source = Source(count=10**9)
        items = portal.iterate(lambda source=source: source(), ahead=3)
        got: list[int] = []
        try:
            alarm(turn * 2e-5)
            while True:
                got.append(next(items))
        except Interrupted:
            items.close()
        assert got == sorted(set(got))
        assert source.closed.is_set() or source.given == 0


def test_a_reader_that_waits_when_the_portal_closes_gets_the_closed_error() -> None:
    portal = Portal(closed_error=Closed)
    source = Source(count=2, gate=asyncio.Event())
    items = portal.iterate(lambda: source())
    assert [next(items), next(items)] == [0, 1]
    thread, outcome = in_thread(lambda: next(items))
    portal.close()
    thread.join()
    assert [type(error) for error in outcome] == [Closed]
    assert source.closed.is_set()


def test_two_threads_may_share_an_iterator_and_both_come_to_its_end(portal: Portal) -> None:
    source = Source(count=2000)
    items = portal.iterate(lambda: source(), ahead=8)
    crowd = [in_thread(lambda: list(items)) for _ in range(4)]
    for thread, _ in crowd:
        thread.join()
    assert sorted(item for _, outcome in crowd for item in outcome[0]) == list(range(2000))


def test_reading_a_stream_on_the_loops_own_thread_is_refused(portal: Portal) -> None:
    async def careless() -> int:
        return next(portal.iterate(lambda: Source()()))

    with pytest.raises(RuntimeError, match="own event loop thread"):
        portal.call(careless)


def test_context_variables_cross_into_the_source(portal: Portal) -> None:
    flavour = contextvars.ContextVar("flavour", default="plain")

    async def taste() -> AsyncIterator[str]:
        yield flavour.get()

    flavour.set("lemon")
    assert list(portal.iterate(taste)) == ["lemon"]


@pytest.mark.parametrize("ahead", [0, -1])
def test_a_look_ahead_below_one_is_refused(portal: Portal, ahead: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {ahead}"):
        portal.iterate(lambda: Source()(), ahead=ahead)
