"""Embeddings, in the layout of OpenAI."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any

from nexevo_async.models._common import Model, model


@model
class Embedding(Model):
    """
    One vector.

    Attributes:
        index: Which of the inputs it belongs to, from 0.
        embedding: The vector as it came: a list of numbers, or base64 text where that was asked for.

    .. versionadded:: 0.1.0
    """

    index: int
    embedding: list[float] | str

    @property
    def vector(self) -> list[float]:
        """The vector as numbers, whichever way it came."""
        value: Any = self.embedding
        if isinstance(value, str):
            # OpenAI's encoding: 32-bit floats, little-endian.
            numbers = array("f", base64.b64decode(value))
            if sys.byteorder == "big":
                numbers.byteswap()
            return numbers.tolist()
        return [float(number) for number in value]


@model
class EmbeddingUsage(Model):
    """
    What an embedding used.

    Attributes:
        prompt_tokens: Tokens of the inputs.
        total_tokens: Tokens that were billed.

    .. versionadded:: 0.1.0
    """

    prompt_tokens: int | None = None
    total_tokens: int | None = None


@model
class EmbeddingResponse(Model):
    """
    The vectors of one call.

    Attributes:
        data: One vector for each input, in the order of the inputs.
        model: The model that made them.
        usage: What was used, or None if not told.

    .. versionadded:: 0.1.0
    """

    data: list[Embedding]
    model: str | None = None
    usage: EmbeddingUsage | None = None
