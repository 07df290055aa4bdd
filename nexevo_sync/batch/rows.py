# Written by tools/generate_sync.py from nexevo_async/batch/rows.py; change that, and run: make generate
"""The rows of a job, as its consumer meets them."""

from __future__ import annotations

from typing import TypeVar

from nexevo_async.batch.row import BatchRow
from nexevo_async.batch.rows import BatchRows as AsyncBatchRows
from nexevo_sync._shapes import StreamTwin

Item = TypeVar("Item")
Value = TypeVar("Value")


class BatchRows(StreamTwin[AsyncBatchRows[Item, Value], BatchRow[Item, Value]]):
    """
    The rows of a job, one for each step; the job begins with the first one.

    ``with`` it, if you may leave before its end: leaving cancels the calls in flight, streams included, and waits until
    the function has ended in every thread. So does Ctrl-C while waiting for a row. A job that is just dropped is
    cancelled too, and warns (`ResourceWarning`) with the line that made it.

    .. versionadded:: 0.1.0
    """

    def close(self) -> None:
        """
        End the job: cancel the calls in flight, wait until the function has ended in every thread, and close an input
        that is a generator.

        Rows that nobody has read are dropped. May be called again.
        """
        self._items.close()
