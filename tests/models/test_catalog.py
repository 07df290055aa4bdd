"""The models that can be asked."""

from __future__ import annotations

from datetime import UTC, datetime

from nexevo_async._codec import decode
from nexevo_async.models import ModelInfo


def test_a_model_of_the_catalog() -> None:
    """The moment comes as seconds; what else is told is kept."""
    info = decode(b'{"id": "gpt-4o", "created": 1735689600, "pricing": {"prompt": "2.50"}}', ModelInfo)

    assert (info.id, info.created) == ("gpt-4o", datetime(2025, 1, 1, tzinfo=UTC))
    assert info["pricing"]["prompt"] == "2.50"
