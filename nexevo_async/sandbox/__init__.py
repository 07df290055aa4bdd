"""
A local gateway to develop and test against: every call of the service, scripted faults, and a journal of what arrived.

.. code-block:: python

    from nexevo_async.sandbox import Sandbox

    async with Sandbox(bases=3, rate_limit=None) as box:  # or a plain `with`, on a thread of its own
        print(box.api_key, box.base_urls)

``python -m nexevo_async.sandbox`` starts one from the command line.
"""

from __future__ import annotations

from nexevo_async.sandbox.box import Sandbox
from nexevo_async.sandbox.faults import Fault
from nexevo_async.sandbox.journal import JournalEntry

__all__ = ["Fault", "JournalEntry", "Sandbox"]
