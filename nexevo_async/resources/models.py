"""``client.models``: which models can be asked."""

from __future__ import annotations

from typing import Unpack

from nexevo_async._validation import identifier
from nexevo_async.models.catalog import ModelInfo
from nexevo_async.pagination import Pages
from nexevo_async.resources._base import CallOptions, Resource


class Models(Resource):
    """
    The models that can be asked, aliases such as ``nexevo/balanced`` included.

    Reached as ``client.models``. The routes are documented for CloseAI and assumed for Nexevo.
    """

    __slots__ = ()

    def list(self, **options: Unpack[CallOptions]) -> Pages[ModelInfo]:
        """
        List the models, on one page.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return self._list("models.list", ModelInfo, options)

    async def get(self, model_id: str, **options: Unpack[CallOptions]) -> ModelInfo:
        """
        Look one model up.

        Args:
            model_id: Its name, slashes included, such as ``nexevo/fast``.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The name is empty.
            NotFoundError: There is no such model.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("models.get", ModelInfo, options, ids={"id": identifier("model_id", model_id)})
