# Written by tools/generate_sync.py from nexevo_async/resources/feedback.py; change that, and run: make generate
"""``client.feedback``: say whether an answer was good."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Unpack

from nexevo_async.models.feedback import Feedback, FeedbackSummary
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.feedback import FeedbackResource as AsyncFeedbackResource
from nexevo_sync._shapes import Twin


class FeedbackResource(Twin[AsyncFeedbackResource]):
    """
    Feedback on generations.

    Reached as ``client.feedback``. All routes are assumed.
    """

    def submit(
        self,
        *,
        generation_id: str,
        rating: Literal[1, -1],
        comment: str | None = None,
        tags: Collection[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> Feedback:
        """
        Say whether an answer was good.

        Args:
            generation_id: Which answer: ``result.nexevo.generation_id``.
            rating: 1 for good, -1 for bad; nothing else.
            comment: What to say about it, up to 2,000 characters. None sends none.
            tags: Free words; usual are accurate, incorrect, too_verbose and irrelevant. None sends none.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The rating is neither 1 nor -1, the comment is too long, or the tags are not a list.
            NotFoundError: There is no such generation.
            OutcomeUnknownError: It may have been stored, and the answer was lost.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(
            self._async.submit, generation_id=generation_id, rating=rating, comment=comment, tags=tags, **options
        )

    def summary(self, days: int | None = None, **options: Unpack[CallOptions]) -> FeedbackSummary:
        """
        Tell how much of the feedback was good.

        Args:
            days: How many days to look back, at least 1. None means as many as the service likes.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The number of days is not a whole number of at least 1.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.summary, days, **options)
