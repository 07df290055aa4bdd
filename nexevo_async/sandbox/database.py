"""The SQLite connection below every account call: transactions, clock, ids. What the tables mean is said elsewhere."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nexevo_async.sandbox import schema
from nexevo_async.sandbox.alerts import SpendAlert

_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 16


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """A moment as the tables keep it: ISO 8601 in UTC, always with microseconds, so that text order is time order."""
    if moment.tzinfo is not UTC:  # every request comes through here; the common case need not be converted
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def hash_secret(secret: str) -> bytes:
    """
    The only form in which keys and tokens are kept.

    A plain SHA-256 is right for secrets that we draw ourselves with 256 bits: there is nothing to guess. Passwords,
    which people choose, go through scrypt instead.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class StoreError(RuntimeError):
    """The file with the sandbox's state cannot be used; the message says why and what to do."""


class Database:
    """
    One SQLite connection, shared by all gateways of a process.

    Use it from one thread at a time (in practice: the event loop); every call is short and never waits for the network.
    Several processes may open the same file; writers then wait up to five seconds for one another.

    Args:
        path: File to keep the state in, created when missing (readable by its owner only). None keeps it in memory.
        clock: Gives the present moment as an aware datetime.
        seed: Makes ids repeatable. Secrets are never drawn from it. None draws ids at random.

    Raises:
        StoreError: The file is not ours, damaged, or written by a newer version.
    """

    def __init__(self, path: str | None, *, clock: Callable[[], datetime] = utc_now, seed: int | None = None) -> None:
        self.on_alert: Callable[[SpendAlert], None] | None = None
        """Told about every spend alert, in the middle of a request: it must not wait. None drops alerts."""
        self._clock = clock
        self._connection = _connect(path)
        try:
            opened = self._prepare()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            message = f"cannot read {path}: {error}. Choose another file for the sandbox's state, or delete this one"
            raise StoreError(message) from None
        except BaseException:
            self._connection.close()
            raise
        # A file that is opened again must not draw the ids of its first time once more.
        self._rng: random.Random = secrets.SystemRandom() if seed is None else random.Random(f"{seed}/{opened}")  # noqa: S311

    def _prepare(self) -> int:
        """Check or create the schema; return how often this state has been opened, this time included."""
        with self.transaction():
            version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
            application = int(self._connection.execute("PRAGMA application_id").fetchone()[0])
            tables = int(self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
            if tables and application != schema.APPLICATION_ID:
                message = "this SQLite file belongs to another program; choose another file for the sandbox's state"
                raise StoreError(message)
            if version > schema.VERSION:
                message = (
                    f"the sandbox's state has schema version {version}, and this release knows versions up to"
                    f" {schema.VERSION}: it was written by a newer release. Upgrade nexevo, or choose another file"
                )
                raise StoreError(message)
            if not tables:
                for statement in schema.TABLES.split(";\n"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {schema.VERSION}")
                self._connection.execute("INSERT INTO settings VALUES ('opened', 0)")
            self.run("UPDATE settings SET value = value + 1 WHERE name = 'opened'")
            return int(self.all("SELECT value FROM settings WHERE name = 'opened'")[0]["value"])

    def close(self) -> None:
        """Close the connection; state in memory is gone then. Closing twice does nothing."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what is written inside is kept when the block ends, undone when it raises. May be nested."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def one(self, sql: str, *parameters: object) -> sqlite3.Row | None:
        """The first row, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        """Every row."""
        return self._connection.execute(sql, parameters).fetchall()

    def value(self, sql: str, *parameters: object) -> Any:
        """The first column of the first row; None when there is no row."""
        row = self.one(sql, *parameters)
        return None if row is None else row[0]

    def run(self, sql: str, *parameters: object) -> int:
        """Change something; return how many rows were touched."""
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, table: str, **columns: object) -> int:
        """Add one row; return its number. Table and column names come from our own code, never from a request."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names from our own code
        return self._connection.execute(statement, tuple(columns.values())).lastrowid or 0

    def forget(self) -> None:
        """Make deleted data unreadable in the file as well (rows are overwritten; this empties the write-ahead log)."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return self._clock().astimezone(UTC)

    def timestamp(self) -> str:
        """The present moment as the tables keep it."""
        return to_text(self._clock())

    def month(self) -> str:
        """The running calendar month in UTC, such as `2026-01`: the month that spend caps count in."""
        return self.timestamp()[:7]

    def new_id(self, prefix: str) -> str:
        """A new opaque id such as `conv_7ww3…`; repeatable when the store has a seed, so never use it as a secret."""
        return f"{prefix}_" + "".join(self._rng.choices(_ID_ALPHABET, k=_ID_LENGTH))


def _connect(path: str | None) -> sqlite3.Connection:
    if path is not None:
        _create_private(path)
    try:
        # Any thread may hold it, one at a time: a sandbox is often made on one thread and served on another.
        connection = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=5.0, check_same_thread=False)
    except sqlite3.Error as error:
        message = f"cannot open {path}: {error}"
        raise StoreError(message) from None
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
        with suppress(sqlite3.DatabaseError):  # not a database, or busy: said clearly by the first real statement
            connection.execute(f"PRAGMA {pragma}")
    return connection


def _create_private(path: str) -> None:
    """The file holds second-factor secrets and sub-account tokens, so nobody else may read it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        message = f"cannot open {Path(path).name} for the sandbox's state: {error.strerror}"
        raise StoreError(message) from None
