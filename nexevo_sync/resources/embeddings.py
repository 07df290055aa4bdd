# Written by tools/generate_sync.py from nexevo_async/resources/embeddings.py; change that, and run: make generate
"""``client.embeddings``: texts as vectors."""

from __future__ import annotations

from typing import Literal, Unpack

from nexevo_async.models.embeddings import EmbeddingResponse
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.embeddings import EmbeddingInput as EmbeddingInput
from nexevo_async.resources.embeddings import Embeddings as AsyncEmbeddings
from nexevo_sync._shapes import Twin


class Embeddings(Twin[AsyncEmbeddings]):
    """
    Turn texts into vectors.

    Reached as ``client.embeddings``. The route is documented for CloseAI.
    """

    def create(
        self,
        *,
        model: str,
        input: EmbeddingInput,
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
        return self._portal.call(
            self._async.create,
            model=model,
            input=input,
            dimensions=dimensions,
            encoding_format=encoding_format,
            user=user,
            **options,
        )
