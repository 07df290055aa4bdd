"""``client.feedback``: say whether an answer was good."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Unpack

from nexevo_async import _validation
from nexevo_async._validation import identifier, texts, whole
from nexevo_async.models.feedback import Feedback, FeedbackSummary
from nexevo_async.resources._base import CallOptions, Resource, given


class FeedbackResource(Resource):
    """
    Feedback on generations.

    Reached as ``client.feedback``. All routes are assumed.
    """

    __slots__ = ()

    async def submit(
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
        body = {
            "generation_id": identifier("generation_id", generation_id),
            "rating": _validation.rating(rating),
        } | given(
            comment=None if comment is None else _validation.comment(comment),
            tags=None if tags is None else texts("tags", tags, may_be_empty=True),
        )
        return await self._fetch("feedback.submit", Feedback, options, json=body)

    async def summary(self, days: int | None = None, **options: Unpack[CallOptions]) -> FeedbackSummary:
        """
        Tell how much of the feedback was good.

        Args:
            days: How many days to look back, at least 1. None means as many as the service likes.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The number of days is not a whole number of at least 1.

        .. versionadded:: 0.1.0
        """
        query = given(days=None if days is None else whole("days", days))
        return await self._fetch("feedback.summary", FeedbackSummary, options, query=query)
