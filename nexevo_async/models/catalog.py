"""The models that can be asked, in the layout of OpenAI."""

from __future__ import annotations

from datetime import datetime

from nexevo_async.models._common import Model, model


@model
class ModelInfo(Model):
    """
    A model, or an alias such as ``nexevo/balanced``.

    Attributes:
        id: The name to pass as ``model``.
        created: When it was released, or None if not told.
        owned_by: Who offers it, or None if not told.

    .. versionadded:: 0.1.0
    """

    id: str
    created: datetime | None = None
    owned_by: str | None = None
