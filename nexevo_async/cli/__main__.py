"""``python -m nexevo_async.cli``: the same as the ``nexevo`` command."""

import sys

from nexevo_async.cli import main

sys.exit(main())
