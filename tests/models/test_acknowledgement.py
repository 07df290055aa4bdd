"""Answers that say little more than "done"."""

from __future__ import annotations

import pytest

from nexevo_async._codec import Undecodable, decode
from nexevo_async.models import Acknowledgement, Success


def test_an_acknowledgement_keeps_what_it_was_told() -> None:
    """Success is optional, the rest unknown."""
    answer = decode(b'{"message": "done"}', Acknowledgement)

    assert (answer.success, answer["message"], dict(answer.extra)) == (None, "done", {"message": "done"})


def test_success_is_documented_for_sub_accounts() -> None:
    """So it is required there."""
    assert decode(b'{"success": true}', Success).success is True
    with pytest.raises(Undecodable, match="success: missing"):
        decode(b"{}", Success)
