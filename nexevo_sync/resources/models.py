# Written by tools/generate_sync.py from nexevo_async/resources/models.py; change that, and run: make generate
"""``client.models``: which models can be asked."""

from __future__ import annotations

from typing import Unpack

from nexevo_async.models.catalog import ModelInfo
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.models import Models as AsyncModels
from nexevo_sync._shapes import Twin
from nexevo_sync.pagination import Pages


class Models(Twin[AsyncModels]):
    """
    The models that can be asked, aliases such as ``nexevo/balanced`` included.

    Reached as ``client.models``. The routes are documented for CloseAI and assumed for Nexevo.
    """

    def list(self, **options: Unpack[CallOptions]) -> Pages[ModelInfo]:
        """
        List the models, on one page.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return Pages.fetch(self._portal, self._async.list(**options))

    def get(self, model_id: str, **options: Unpack[CallOptions]) -> ModelInfo:
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
        return self._portal.call(self._async.get, model_id, **options)
