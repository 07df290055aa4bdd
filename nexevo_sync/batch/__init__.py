# Written by tools/generate_sync.py from nexevo_async/batch/__init__.py; change that, and run: make generate
"""Bounded jobs on top of the client; reached as ``client.batch``."""

from __future__ import annotations

from nexevo_async.batch.row import BatchRow as BatchRow
from nexevo_sync.batch.resource import Batch as Batch
from nexevo_sync.batch.rows import BatchRows as BatchRows
