"""Answers that say little more than "done"."""

from __future__ import annotations

from nexevo_async.models._common import Model, model


@model
class Acknowledgement(Model):
    """
    The answer to a call that gives nothing back. What the service says all the same is kept: ``answer["…"]``.

    Attributes:
        success: Whether it worked, or None if the service let its status speak.

    .. versionadded:: 0.1.0
    """

    success: bool | None = None


@model
class Success(Model):
    """
    The answer to a change of sub-accounts.

    Attributes:
        success: Always True: a False is raised as an error.

    .. versionadded:: 0.1.0
    """

    success: bool
