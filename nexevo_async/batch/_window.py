"""Which items may begin, and which row goes out next: bounded, in the order of the input or as they are finished."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: Items that may be begun and not yet handed out, for each call that may be in flight. In the order of the input a slow
#: call holds up finished ones behind it, so more of them have to fit.
PER_CALL: Final = 2
PER_CALL_IN_ORDER: Final = 4


class Window(Generic[T]):
    """
    The items between the one that was handed out last and the one that was begun last.

    Args:
        concurrency: How many calls may be in flight.
        ordered: Whether rows go out in the order of the input.
    """

    __slots__ = ("_finished", "_given", "_in_order", "_most", "_taken")

    def __init__(self, concurrency: int, *, ordered: bool) -> None:
        self._most = concurrency * (PER_CALL_IN_ORDER if ordered else PER_CALL)
        self._taken = 0
        self._given = 0
        self._finished: deque[T] = deque()
        self._in_order: list[tuple[int, T]] | None = [] if ordered else None

    @property
    def begun(self) -> int:
        """How many items have begun whose rows were not handed out."""
        return self._taken - self._given

    @property
    def has_room(self) -> bool:
        """Whether another item may begin."""
        return self._taken - self._given < self._most

    @property
    def given(self) -> int:
        """How many rows have been handed out."""
        return self._given

    def take(self) -> int:
        """An item begins: its position in the input."""
        index = self._taken
        self._taken += 1
        return index

    def put(self, index: int, row: T) -> bool:
        """An item is finished; whether there is now a row to hand out."""
        if self._in_order is None:
            self._finished.append(row)
            return True
        heapq.heappush(self._in_order, (index, row))
        return self._in_order[0][0] == self._given

    def give(self, *, skipping: bool = False) -> T | None:
        """
        The row that goes out next, or None if it is not there yet.

        Args:
            skipping: Nothing is in flight and nothing more will be begun: what has no row will not get one.
        """
        if self._in_order is None:
            row = self._finished.popleft() if self._finished else None
        elif self._in_order and (skipping or self._in_order[0][0] == self._given):
            row = heapq.heappop(self._in_order)[1]
        else:
            row = None
        self._given += row is not None
        return row

    def clear(self) -> None:
        """Drop the rows that wait."""
        self._finished.clear()
        if self._in_order is not None:
            self._in_order.clear()
