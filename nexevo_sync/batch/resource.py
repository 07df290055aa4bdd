# Written by tools/generate_sync.py from nexevo_async/batch/resource.py; change that, and run: make generate
"""``client.batch``: one function over many items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from nexevo_async.batch.resource import Batch as AsyncBatch
from nexevo_sync._callbacks import call_off_loop, items_off_loop
from nexevo_sync._shapes import Twin
from nexevo_sync.batch.rows import BatchRows

C = TypeVar("C")
Item = TypeVar("Item")
Value = TypeVar("Value")


class Batch(Twin[AsyncBatch[Any]], Generic[C]):
    """
    Run one function over many items, a bounded number at once.

    Reached as ``client.batch``.
    """

    def map(
        self, items: Iterable[Item], *, call: Callable[[C, Item], Value], concurrency: int = 64, ordered: bool = False
    ) -> BatchRows[Item, Value]:
        """
        Call a function for each item, and give a row for each: its value, or the error that it failed with.

        Nothing is read and nothing is called before the first row is asked for. The input is read when there is a
        call to be made and no earlier, so it may be endless. Whoever reads the rows slowly slows the calls: at most
        twice `concurrency` items are begun whose rows were not handed out (four times, if `ordered`), and at most
        `concurrency` further rows wait on this side.

        Most errors of this library concern one item and come as `error` of its row. Three would be the same for every
        item, and end the job: no further item begins, calls in flight are finished, all rows are handed out, and then
        the error is raised. An item without a row was not done, and can be given to another job. An input that raises
        ends the job in the same way. Anything else that the function raises is a mistake in it: calls in flight are
        cancelled, rows that were finished are handed out, and it is raised.

        Args:
            items: The input, of any length. A generator is closed at the end of the job.
            call: Called with a view of this client and an item, on a thread of its own, so it may block. Return the
                whole answer, and the row tells its cost.
            concurrency: Most calls in flight, at least 1. Default 64.
            ordered: Whether rows come in the order of the input. By default, False, they come as they are finished.

        Raises:
            ConfigurationError: An argument cannot work; nothing was sent.
            AuthenticationError: While iterating: the key is refused.
            QuotaExceededError: While iterating: the quota of the month is used up.
            ClientClosedError: While iterating: the client was closed.

        .. versionadded:: 0.1.0
        """
        return BatchRows(
            self._portal,
            self._async.map(
                items_off_loop(items), call=call_off_loop(self._portal, call), concurrency=concurrency, ordered=ordered
            ),
        )
