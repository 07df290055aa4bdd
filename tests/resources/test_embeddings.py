"""``client.embeddings``."""

from __future__ import annotations

from typing import Any

import pytest

from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.embeddings import Embeddings
from tests.resources.conftest import ScriptedTransport

ANSWER = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}


async def test_create(transport: ScriptedTransport) -> None:
    """Only what was set is sent; the model tells requests apart."""
    transport.answer = ANSWER

    answer = await Embeddings(transport).create(model="text-embedding-3-small", input="hello")

    assert transport.last.line == "POST /v1/embeddings"
    assert transport.last.body == {"model": "text-embedding-3-small", "input": "hello"}
    assert transport.last.shape == "text-embedding-3-small"
    assert (answer.data[0].vector, answer.data[0].index) == ([0.5, -0.25], 0)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2


async def test_create_with_everything(transport: ScriptedTransport) -> None:
    """Under OpenAI's names."""
    transport.answer = ANSWER

    await Embeddings(transport).create(model="m", input=["a", "b"], dimensions=2, encoding_format="base64", user="u")

    assert transport.last.body == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 2,
        "encoding_format": "base64",
        "user": "u",
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"model": ""}, "model must not be empty"),
        ({"input": ""}, "input must not be empty"),
        ({"input": []}, "input must not be empty"),
        ({"dimensions": 0}, "dimensions must be at least 1"),
        ({"encoding_format": "hex"}, "encoding_format must be one of 'float', 'base64'"),
    ],
)
async def test_what_cannot_be_sent(transport: ScriptedTransport, arguments: dict[str, Any], problem: str) -> None:
    """The message names the argument."""
    with pytest.raises(ConfigurationError, match=problem):
        await Embeddings(transport).create(**({"model": "m", "input": "x"} | arguments))

    assert transport.sent == []
