"""The sandbox's state: files, versions, ids, transactions, and what is never written down."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async.sandbox import ledger
from nexevo_async.sandbox.accounts import deactivate, register
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.keys import create_key, revoke_key
from nexevo_async.sandbox.money import platform_text, to_nano, to_usd, usd_text
from nexevo_async.sandbox.principal import authenticate
from nexevo_async.sandbox.store import Store, StoreError


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.db")


def test_a_file_keeps_its_state_when_it_is_opened_again(path: str) -> None:
    first = Store(path)
    key = first.bootstrap("sk-xc-mine-0123456789")
    first.close()
    second = Store(path)
    assert authenticate(second, key).kind == "main"
    assert second.bootstrap(key) == key
    assert second.value("SELECT count(*) FROM keys") == 1
    second.close()


def test_two_stores_on_one_file_see_each_other(path: str) -> None:
    left, right = Store(path), Store(path)
    key = left.bootstrap()
    user_id = authenticate(right, key).user_id
    ledger.post(right, user_id, 5, ledger.TOP_UP)
    assert ledger.balance(left, user_id) == 100 * 10**9 + 5
    left.close()
    right.close()


def test_a_newer_schema_is_refused_with_what_to_do(path: str) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"schema version 99.*up to 1.*newer release.*Upgrade"):
        Store(path)


def test_a_database_of_another_program_is_refused_and_left_alone(path: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE precious (x)")
    connection.close()
    with pytest.raises(StoreError, match="belongs to another program"):
        Store(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    connection.close()


def test_a_file_that_is_no_database_is_refused(path: str) -> None:
    Path(path).write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreError, match="not a database"):
        Store(path)
    assert Path(path).read_bytes().startswith(b"Dear diary")


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        Store(str(tmp_path / "nowhere" / "state.db"))


def test_nobody_else_may_read_the_file(path: str) -> None:
    Store(path).close()
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_neither_key_nor_password_is_in_the_file(path: str, tmp_path: Path) -> None:
    store = Store(path)
    key = store.bootstrap()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    store.close()
    assert b"demo@nexevo.local" in written
    assert key.encode() not in written
    assert b"nexevo-demo" not in written


def test_who_leaves_is_forgotten_in_the_file_too(path: str, tmp_path: Path) -> None:
    store = Store(path)
    store.bootstrap()
    register(store, email="ann@secret.example", password="correct horse", full_name="Ann Unforgettable")
    user_id = store.value("SELECT user_id FROM users WHERE email = 'ann@secret.example'")
    create_key(store, user_id, "key of Ann Unforgettable")

    def traces() -> bool:
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        return b"Unforgettable" in written or b"ann@secret" in written

    assert traces()
    deactivate(store, store.outbox, user_id, "correct horse")
    assert not traces()
    store.close()


def test_stores_that_write_at_the_same_time_lose_nothing(path: str) -> None:
    store = Store(path)
    key = store.bootstrap()
    user_id = authenticate(store, key).user_id

    def spend() -> None:
        mine = Store(path)
        for _ in range(100):
            ledger.post(mine, user_id, -1, ledger.USAGE)
        mine.close()

    with ThreadPoolExecutor(4) as pool:
        for spent in [pool.submit(spend) for _ in range(4)]:
            spent.result()
    assert ledger.balance(store, user_id) == 100 * 10**9 - 400
    store.close()


def test_a_seed_repeats_ids_but_never_secrets() -> None:
    left, right = Store(seed=7), Store(seed=7)
    assert left.bootstrap() != right.bootstrap()
    assert [left.new_id("conv") for _ in range(3)] == [right.new_id("conv") for _ in range(3)]
    left.close()
    right.close()


def test_a_file_opened_again_with_its_seed_does_not_repeat_its_ids(path: str) -> None:
    first = Store(path, seed=7)
    before = {first.new_id("conv") for _ in range(50)}
    first.close()
    second = Store(path, seed=7)
    assert not before & {second.new_id("conv") for _ in range(50)}
    second.close()


def test_what_raises_in_a_transaction_is_undone_as_a_whole(store: Store) -> None:
    store.bootstrap()
    user_id = store.value("SELECT user_id FROM users")

    def fail_half_way() -> None:
        with store.transaction():
            ledger.post(store, user_id, 1, ledger.TOP_UP)
            with store.transaction():
                ledger.post(store, user_id, 1, ledger.TOP_UP)
            raise ApiError(409, "conflict", "No.")

    with pytest.raises(ApiError):
        fail_half_way()
    assert ledger.balance(store, user_id) == 100 * 10**9
    assert store.value("SELECT count(*) FROM ledger") == 1


def test_bootstrap_without_a_key_adds_a_new_one_to_the_same_account(store: Store) -> None:
    first, second = store.bootstrap(), store.bootstrap()
    assert first != second
    assert first.startswith("sk-xc-")
    assert authenticate(store, first).user_id == authenticate(store, second).user_id
    assert store.value("SELECT balance FROM users") == 100 * 10**9


def test_bootstrap_refuses_a_key_that_was_revoked(store: Store) -> None:
    principal = authenticate(store, store.bootstrap("sk-xc-mine-0123456789"))
    revoke_key(store, principal.user_id, principal.key_id)
    with pytest.raises(StoreError, match="revoked"):
        store.bootstrap("sk-xc-mine-0123456789")


@pytest.mark.parametrize("token", ["", "sk-xc-unknown", "sk-é", "\udcff", "x" * 100_000])
def test_every_unknown_token_is_the_same_401(store: Store, token: str) -> None:
    with pytest.raises(ApiError) as caught:
        authenticate(store, token)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")


@given(amounts=st.lists(st.integers(-(10**15), 10**15), max_size=20))
def test_a_balance_is_the_sum_of_its_entries(amounts: list[int]) -> None:
    store = Store()
    store.bootstrap()
    user_id = store.value("SELECT user_id FROM users")
    for amount in amounts:
        ledger.post(store, user_id, amount, ledger.USAGE)
    assert ledger.balance(store, user_id) == 100 * 10**9 + sum(amounts)
    assert store.value("SELECT sum(amount) FROM ledger") == ledger.balance(store, user_id)
    store.close()


@given(nano=st.integers(-(10**18), 10**18))
def test_money_survives_its_text(nano: int) -> None:
    assert to_nano(Decimal(usd_text(nano))) == nano
    assert to_nano(to_usd(nano)) == nano


@pytest.mark.parametrize(
    ("expected", "nano"),
    [
        ("0.00", 0),
        ("100.00", 100 * 10**9),
        ("12.50", 12_500_000_000),
        ("-0.000000001", -1),
        ("99.99985", 99_999_850_000),
    ],
)
def test_money_is_written_with_two_to_nine_decimals(expected: str, nano: int) -> None:
    assert usd_text(nano) == expected


def test_platform_money_has_eight_decimals() -> None:
    assert platform_text(440_000_130) == "0.44000013"
    assert platform_text(0) == "0.00000000"
