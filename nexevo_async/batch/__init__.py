"""Bounded jobs on top of the client; reached as ``client.batch``."""

from nexevo_async.batch.resource import Batch as Batch
from nexevo_async.batch.row import BatchRow as BatchRow
from nexevo_async.batch.rows import BatchRows as BatchRows

__all__ = ["Batch", "BatchRow", "BatchRows"]
