"""``client.models``."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.models import Models
from tests.resources.conftest import ScriptedTransport

GPT = {"id": "gpt-4o", "object": "model", "created": 1735689600, "owned_by": "openai"}


async def test_list(transport: ScriptedTransport) -> None:
    """The OpenAI layout: the list is under `data`."""
    transport.answer = {"object": "list", "data": [GPT, {"id": "nexevo/fast"}]}

    page = await Models(transport).list()

    assert (transport.last.line, transport.last.query, transport.last.body) == ("GET /v1/models", {}, None)
    assert [model.id for model in page] == ["gpt-4o", "nexevo/fast"]
    assert (page[0].created, page[0].owned_by) == (datetime(2025, 1, 1, tzinfo=UTC), "openai")


async def test_get(transport: ScriptedTransport) -> None:
    """A slash in the name stays in its segment."""
    transport.answer = GPT

    model = await Models(transport).get("nexevo/fast")

    assert transport.last.line == "GET /v1/models/nexevo%2Ffast"
    assert model.id == model["id"] == "gpt-4o"


@pytest.mark.parametrize("name", ["", "..", None])
async def test_get_wants_a_name(transport: ScriptedTransport, name: str) -> None:
    """Nothing is sent without one."""
    with pytest.raises(ConfigurationError, match="model_id must"):
        await Models(transport).get(name)

    assert transport.sent == []
