"""
The small file between the processes of one machine: where it is, who may read it, how it is changed.

It holds base URLs and times, no secret, and its name is made of the addresses that a client is configured with. It is
readable by its owner alone, replaced as a whole, and believed only if nobody else can have written it. A process that
dies while it holds the lock lets go of it, because the kernel does that for it.

Everything here blocks and belongs on a thread: `off_loop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from nexevo_async._logging import logger
from nexevo_async._sansio.shared_state import MOST_BYTES, SCHEMA, BadState, SharedState, read_state

try:
    import fcntl
except ImportError:  # Windows: the file is still replaced as a whole, but two may change it at once, and one be lost
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

#: A lock that somebody has held for longer than this is ignored: nobody needs it for more than a moment (seconds).
LOCK_LIFE = 60.0
#: How long to try for the lock: the others hold it for about a millisecond (seconds).
_TRY_FOR = 0.25
#: A half-written file of a process that was killed is removed after this time (seconds).
_LITTER_LIFE = 3600.0
if sys.platform == "win32":
    _FLAGS = os.O_BINARY
else:
    _FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Busy(Exception):
    """Another process holds the lock."""


def cache_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path | None:
    """
    Where the file goes: `NEXEVO_CACHE_DIR`, else `nexevo` in the user's cache folder; None if there is no place.

    An empty `NEXEVO_CACHE_DIR` turns sharing off.
    """
    given = environment.get("NEXEVO_CACHE_DIR")
    if given is not None:
        return Path(given) if given.strip() else None
    name = "LOCALAPPDATA" if platform == "win32" else "XDG_CACHE_HOME"
    base = environment.get(name, "")
    if Path(base).is_absolute():  # the XDG specification wants relative paths ignored
        return Path(base) / "nexevo"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / (".cache" if platform != "win32" else "AppData/Local") / "nexevo"


def file_name(parts: Iterable[str]) -> str:
    """A name made of what a client is configured with; whoever is configured alike shares the file."""
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"endpoints-v{SCHEMA}-{digest[:24]}.json"


class SharedFile:
    """
    One file that processes read and change together.

    Args:
        path: Where it is; the folder is made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warned = False

    def change(self, how: Callable[[SharedState], tuple[SharedState, T]]) -> T:
        """
        Read the file, work out what it should say, and write it if that is something else; meanwhile nobody else does.

        Args:
            how: Gives the new state (the same object if nothing changes) and a result.

        Raises:
            Busy: Another process holds the lock.
            OSError: The folder cannot be used.
        """
        self._make_folder()
        with self._locked():
            before = self._read()
            after, result = how(before)
            if after is not before:
                self._write(after.encode(time.time()))
        return result

    def _make_folder(self) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sys.platform != "win32":
            status = folder.stat()
            if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise PermissionError(f"others may write into {folder.name}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if fcntl is None:
            yield
            return
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            held = self._take(lock)
            try:
                yield
            finally:
                if held:
                    # Explicitly: a child forked in this very moment has a copy of the descriptor, and would keep it.
                    fcntl.flock(lock, fcntl.LOCK_UN)
        finally:
            os.close(lock)

    def _take(self, lock: int) -> bool:
        """Take the lock; False if it is ignored, because its holder must be stuck."""
        assert fcntl is not None  # noqa: S101 - only called where there is one
        until = time.monotonic() + _TRY_FOR
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.time() - os.fstat(lock).st_mtime > LOCK_LIFE:
                    return False
                if time.monotonic() > until:
                    raise Busy from None
                time.sleep(0.002)
            else:
                os.utime(lock)
                return True

    def _read(self) -> SharedState:
        """What the file says; nothing if it is not there, is not ours alone, or is broken."""
        try:
            return read_state(self._text())
        except FileNotFoundError:
            return SharedState()
        except (OSError, BadState) as problem:
            if not self._warned:
                self._warned = True
                words = problem.strerror if isinstance(problem, OSError) and problem.strerror else problem
                logger.warning("the file that processes share (%s) is ignored: %s", self._path.name, words)
            return SharedState()

    def _text(self) -> bytes:
        with os.fdopen(os.open(self._path, os.O_RDONLY | _FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadState("it is no ordinary file")
            if sys.platform != "win32" and (status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077):
                raise BadState("it is not ours alone")
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise BadState(f"it is larger than {MOST_BYTES} bytes")
        return text

    def _write(self, text: bytes) -> None:
        # One name for each process: if a stuck lock is ignored, two may be writing.
        draft = self._path.with_suffix(f".{os.getpid()}.tmp")
        draft.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), "wb") as file:
                file.write(text)
            draft.replace(self._path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def tidy(self) -> None:
        """Remove what killed processes have left half-written."""
        with contextlib.suppress(OSError):
            for draft in self._path.parent.glob("endpoints-*.tmp"):
                if time.time() - draft.stat().st_mtime > _LITTER_LIFE:
                    draft.unlink(missing_ok=True)


async def off_loop(work: Callable[[], T]) -> T:
    """
    Run blocking work on a thread of its own, and wait for it. Whoever is cancelled leaves it to itself.

    The thread is a daemon, unlike those of asyncio's and anyio's pools: a file system that hangs keeps neither a call,
    nor closing, nor the end of the process waiting.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as problem:
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop is gone, and so is whoever asked
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="nexevo-file", daemon=True).start()
    return await done
