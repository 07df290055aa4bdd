"""What may begin and what goes out next, with numbers and letters only."""

from __future__ import annotations

import pytest

from nexevo_async.batch._window import Window


def filled(window: Window[str]) -> int:
    """How many items begin before there is no room."""
    count = 0
    while window.has_room:
        window.take()
        count += 1
    return count


@pytest.mark.parametrize(("ordered", "most"), [(False, 6), (True, 12)])
def test_the_items_that_are_begun_and_not_handed_out_are_bounded(ordered: bool, most: int) -> None:
    window: Window[str] = Window(3, ordered=ordered)
    assert filled(window) == most
    window.put(0, "a")
    assert not window.has_room  # finished is not handed out
    assert window.give() == "a"
    assert window.begun == most - 1
    assert filled(window) == 1


def test_rows_go_out_as_they_are_finished() -> None:
    window: Window[str] = Window(3, ordered=False)
    assert [window.take() for _ in range(3)] == [0, 1, 2]
    assert window.put(2, "c")
    assert window.put(0, "a")
    assert [window.give(), window.give(), window.give()] == ["c", "a", None]
    assert window.given == 2


def test_in_order_a_row_waits_for_those_before_it() -> None:
    window: Window[str] = Window(3, ordered=True)
    for _ in range(4):
        window.take()
    assert [window.put(2, "c"), window.put(1, "b"), window.give()] == [False, False, None]
    assert window.put(0, "a")
    assert [window.give() for _ in range(4)] == ["a", "b", "c", None]
    assert window.put(3, "d")
    assert window.give() == "d"


def test_what_will_never_get_a_row_is_skipped() -> None:
    window: Window[str] = Window(3, ordered=True)
    for index, row in {5: "f", 2: "c", 3: "d"}.items():
        window.put(index, row)
    assert window.give() is None
    assert [window.give(skipping=True) for _ in range(4)] == ["c", "d", "f", None]


@pytest.mark.parametrize("ordered", [False, True])
def test_rows_that_wait_can_be_dropped(ordered: bool) -> None:
    window: Window[str] = Window(3, ordered=ordered)
    window.put(0, "a")
    window.clear()
    assert window.give(skipping=True) is None
