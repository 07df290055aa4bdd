"""
For the tests of applications: fixtures around the sandbox, found by pytest as soon as the package is installed.

`nexevo_sandbox` is a running `Sandbox` without a rate limit; `nexevo_client` an `AsyncNexevo` that talks to it, and
`nexevo_sync_client` a `Nexevo`.
"""

from nexevo_async.sandbox import Fault as Fault
from nexevo_async.sandbox import JournalEntry as JournalEntry
from nexevo_async.sandbox import Sandbox as Sandbox

__all__ = ["Fault", "JournalEntry", "Sandbox"]
