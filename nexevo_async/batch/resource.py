"""``client.batch``: one function over many items."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from nexevo_async._call_site import call_site
from nexevo_async._validation import whole
from nexevo_async.batch._job import Job
from nexevo_async.batch._metered import MeteredTransport
from nexevo_async.batch._source import Source
from nexevo_async.batch.rows import BatchRows
from nexevo_async.errors import ConfigurationError
from nexevo_async.resources._base import Resource

if TYPE_CHECKING:
    from nexevo_async._transport import Transport

__all__ = ["Batch"]

C = TypeVar("C")
Item = TypeVar("Item")
Value = TypeVar("Value")


class Batch(Resource, Generic[C]):
    """
    Run one function over many items, a bounded number at once.

    Reached as ``client.batch``.
    """

    __slots__ = ("_view",)

    def __init__(self, transport: Transport, view: Callable[[Transport], C]) -> None:
        super().__init__(transport)
        self._view = view

    def map(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        call: Callable[[C, Item], Awaitable[Value]],
        concurrency: int = 64,
        ordered: bool = False,
    ) -> BatchRows[Item, Value]:
        """
        Call a function for each item, and give a row for each: its value, or the error that it failed with.

        Nothing is read and nothing is called before the first row is asked for. The input is read when there is a
        call to be made and no earlier, so it may be endless. Whoever reads the rows slowly slows the calls: at most
        twice `concurrency` items are begun whose rows were not handed out (four times, if `ordered`).

        Most errors of this library concern one item and come as `error` of its row. Three would be the same for every
        item, and end the job: no further item begins, calls in flight are finished, all rows are handed out, and then
        the error is raised. An item without a row was not done, and can be given to another job. An input that raises
        ends the job in the same way. Anything else that the function raises is a mistake in it: calls in flight are
        cancelled, rows that were finished are handed out, and it is raised.

        Args:
            items: The input, of any length. A generator is closed at the end of the job.
            call: Called with a view of this client and an item. Return the whole answer, and the row tells its cost.
            concurrency: Most calls in flight, at least 1. Default 64.
            ordered: Whether rows come in the order of the input. By default, False, they come as they are finished.

        Raises:
            ConfigurationError: An argument cannot work; nothing was sent.
            AuthenticationError: While iterating: the key is refused.
            QuotaExceededError: While iterating: the quota of the month is used up.
            ClientClosedError: While iterating: the client was closed.

        .. versionadded:: 0.1.0
        """
        if not callable(call):
            raise ConfigurationError(f"call must be a function of a client and an item, not {type(call).__name__}")
        job = Job(
            Source(items),
            call,
            self._lend,
            concurrency=whole("concurrency", concurrency),
            ordered=ordered,
        )
        return BatchRows(job, call_site())

    def _lend(self) -> tuple[C, MeteredTransport]:
        """A client for one worker, and the transport below it."""
        meter = MeteredTransport(self._transport)
        return self._view(meter), meter
