"""Logging: everything under the logger ``nexevo``, silent unless the application (or `NEXEVO_LOG`) wants to hear it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from nexevo_async._redaction import shown_word
from nexevo_async.errors import ConfigurationError

logger = logging.getLogger("nexevo")
logger.addHandler(logging.NullHandler())

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_from_environment(environment: Mapping[str, str] = os.environ) -> None:
    """
    Let `NEXEVO_LOG=debug` (or info, warning, error) print to standard error.

    Raises:
        ConfigurationError: The variable holds another word.
    """
    word = environment.get("NEXEVO_LOG", "").strip().lower()
    if not word:
        return
    if word not in _LEVELS:
        raise ConfigurationError(f"NEXEVO_LOG must be one of {', '.join(_LEVELS)}; got {shown_word(word)}")
    logger.setLevel(_LEVELS[word])
    if all(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
