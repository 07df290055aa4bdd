"""The way to the service that a job lends to one item after the other, and takes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nexevo_async._messages import Request
from nexevo_async._sansio.call import Call
from nexevo_async._transport import Transport
from nexevo_async.config import Timeout
from nexevo_async.errors import NexevoError

if TYPE_CHECKING:
    from nexevo_async._http import OpenAnswer


class MeteredTransport(Transport):
    """
    A view's transport that counts attempts, and that can be cut off.

    Attributes:
        attempts: How many attempts the calls for this item have made.
    """

    __slots__ = ("_answers", "_calls", "_is_cut", "attempts")

    def __init__(self, origin: Transport) -> None:
        super().__init__(origin.core, origin.settings)
        self.attempts = 0
        self._calls: set[asyncio.Task[Any]] = set()
        self._answers: list[OpenAnswer] = []
        self._is_cut = False

    def begin(self) -> None:
        """It is lent to another item."""
        self.attempts = 0
        self._answers.clear()

    def cut(self) -> None:
        """
        Cancel the calls under way, break off their streams, and refuse further calls; on the loop.

        For a job whose calls come from other threads: those cannot be cancelled, but what they wait for can.
        """
        self._is_cut = True
        for task in self._calls:
            task.cancel()
        for answer in self._answers:
            answer.on_break = None  # it is not the endpoint's fault
            answer.abort()

    async def open(
        self, route: str, options: Mapping[str, Any], *, json: Mapping[str, Any] | None = None, shape: str = ""
    ) -> tuple[OpenAnswer, Call, Timeout]:
        """A call whose answer is a stream, which lasts longer than the call."""
        opened = await super().open(route, options, json=json, shape=shape)
        self._answers.append(opened[0])
        return opened

    async def _run(self, request: Request, options: Mapping[str, Any], into: type[Any] | None = None) -> Any:
        if self._is_cut:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of ours is always run by a task
        self._calls.add(task)
        try:
            call, answer = await super()._run(request, options)
        except NexevoError as error:
            self.attempts += len(error.attempts)
            raise
        finally:
            self._calls.discard(task)
        self.attempts += len(call.attempts) + 1  # `Call` keeps those that failed
        return (call, answer) if into is None else self._result(call, answer, request, into)
