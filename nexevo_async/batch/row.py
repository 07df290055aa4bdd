"""What came of one item of a job."""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, TypeVar

import attrs

from nexevo_async.errors import NexevoError

Item = TypeVar("Item")
Value = TypeVar("Value")


@attrs.frozen(kw_only=True)
class BatchRow(Generic[Item, Value]):
    """
    What came of one item of a job: its value, or the error that it failed with.

    Attributes:
        index: Position of the item in the input, from 0.
        item: The item, as the input gave it.
        value: What the function returned; None if it failed.
        error: Why it failed; None if it did not.
        attempts: How many attempts the function's calls made, repeated ones included, through the client that it was
            given. 0 if it made none through that client.
        cost: Price in USD, from the `usage` of a value that carries one; None if it does not.

    .. versionadded:: 0.1.0
    """

    index: int
    item: Item
    value: Value | None = None
    error: NexevoError | None = None
    attempts: int = 0
    cost: Decimal | None = None
