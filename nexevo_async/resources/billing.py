"""``client.billing``: what the account has and used, and how to top it up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Unpack

from nexevo_async._validation import amount, day, header_value, not_blank, whole
from nexevo_async.errors import ConfigurationError
from nexevo_async.models.billing import (
    Balance,
    BillingUsage,
    Checkout,
    CreditGrants,
    Plan,
    TotalUsage,
    UpgradeAdvice,
)
from nexevo_async.resources._base import CallOptions, Resource, given


def suggest_idempotency_key(today: date, number: int) -> str:
    """
    A key for `Billing.checkout` in the form that the service suggests, ``topup-YYYY-MM-DD-NNN``.

    Args:
        today: The day of the top-up.
        number: Which top-up of that day it is, from 1.

    Raises:
        ConfigurationError: The number is not a whole number of at least 1.

    .. versionadded:: 0.1.0
    """
    return f"topup-{day('today', today)}-{whole('number', number):03d}"


class Billing(Resource):
    """
    Balance, usage, plan and top-ups. Every amount is a `Decimal`.

    Reached as ``client.billing``. The balance and the two totals are documented, the other routes assumed.
    """

    __slots__ = ()

    async def balance(self, **options: Unpack[CallOptions]) -> Balance:
        """
        Tell what the account holds.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("billing.balance", Balance, options)

    async def usage(self, days: int | None = None, **options: Unpack[CallOptions]) -> BillingUsage:
        """
        Tell what was used, by day and by tier.

        Args:
            days: How many days to look back, at least 1. None means as many as the service likes.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The number of days is not a whole number of at least 1.

        .. versionadded:: 0.1.0
        """
        query = given(days=None if days is None else whole("days", days))
        return await self._fetch("billing.usage", BillingUsage, options, query=query)

    async def get_plan(self, **options: Unpack[CallOptions]) -> Plan:
        """
        Tell the plan of the account.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("billing.get_plan", Plan, options)

    async def upgrade_hint(self, **options: Unpack[CallOptions]) -> UpgradeAdvice:
        """
        Ask whether another plan would be cheaper. Without a better plan the ``hint`` is None or empty.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("billing.upgrade_hint", UpgradeAdvice, options)

    async def checkout(
        self, *, amount_usd: Decimal | str | int, idempotency_key: str, **options: Unpack[CallOptions]
    ) -> Checkout:
        """
        Top the account up. The answer holds the address to pay at.

        The same key never charges twice, so the call is repeated after a failure, and may be repeated by you.

        Args:
            amount_usd: How much in USD, more than zero: a `Decimal`, decimal text or a whole number.
            idempotency_key: A text of yours that stands for this top-up; `suggest_idempotency_key` makes one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The amount is a float, not finite, or not more than zero; or the key is empty.
            ConflictError: The key was used for another amount (the status is assumed).

        .. versionadded:: 0.1.0
        """
        # It travels in the body; the transport may also put it into a header.
        key = header_value("idempotency_key", not_blank("idempotency_key", idempotency_key))
        body = {"amount_usd": amount("amount_usd", amount_usd), "idempotency_key": key}
        return await self._fetch("billing.checkout", Checkout, options, json=body, idempotency_key=key)

    async def credit_grants(self, **options: Unpack[CallOptions]) -> CreditGrants:
        """
        Tell the totals of the account, this month. Documented for CloseAI; rate-limited, so do not ask often.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            RateLimitError: It was asked too often.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("billing.credit_grants", CreditGrants, options)

    async def total_usage(
        self, *, start_date: date | str, end_date: date | str, **options: Unpack[CallOptions]
    ) -> TotalUsage:
        """
        Tell what was used between two days. Documented for CloseAI; rate-limited, so do not ask often.

        Args:
            start_date: The first day, a `date` or ``YYYY-MM-DD``.
            end_date: The last day, likewise, not before the first.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: One of them is not a day, or they are in the wrong order.
            RateLimitError: It was asked too often.

        .. versionadded:: 0.1.0
        """
        query = {"start_date": day("start_date", start_date), "end_date": day("end_date", end_date)}
        if query["end_date"] < query["start_date"]:
            raise ConfigurationError("end_date must not be before start_date")
        return await self._fetch("billing.total_usage", TotalUsage, options, query=query)
