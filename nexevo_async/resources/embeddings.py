"""``client.embeddings``: texts as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack

from nexevo_async._validation import choice, text, whole
from nexevo_async.errors import ConfigurationError
from nexevo_async.models.embeddings import EmbeddingResponse
from nexevo_async.resources._base import CallOptions, Resource, given

#: One text or several; or the same as token numbers.
EmbeddingInput = str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]


class Embeddings(Resource):
    """
    Turn texts into vectors.

    Reached as ``client.embeddings``. The route is documented for CloseAI.
    """

    __slots__ = ()

    async def create(
        self,
        *,
        model: str,
        input: EmbeddingInput,  # noqa: A002 - OpenAI's name, which users have in their fingers
        dimensions: int | None = None,
        encoding_format: Literal["float", "base64"] | None = None,
        user: str | None = None,
        **options: Unpack[CallOptions],
    ) -> EmbeddingResponse:
        """
        Make one vector for each input.

        Like every billable call it is repeated after a failure, unless the client forbids it: twice costs tokens twice.

        Args:
            model: The model to use.
            input: A text or a list of texts, none empty; token numbers are accepted in their place.
            dimensions: Length of the vectors, at least 1. None means the model's own.
            encoding_format: How the numbers travel, ``float`` or ``base64`` (a quarter of the size; read them with
                `Embedding.vector`). None means ``float``.
            user: Whom it is for, an opaque name of yours.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: An argument cannot work; the message names it.
            InsufficientBalanceError: The account or the key has no money left.

        .. versionadded:: 0.1.0
        """
        if not input:
            raise ConfigurationError("input must not be empty")
        body = {"model": text("model", model), "input": input} | given(
            dimensions=None if dimensions is None else whole("dimensions", dimensions),
            encoding_format=None
            if encoding_format is None
            else choice("encoding_format", encoding_format, ("float", "base64")),
            user=user,
        )
        return await self._fetch("embeddings.create", EmbeddingResponse, options, json=body, shape=model)
