# Written by tools/generate_sync.py from nexevo_async/resources/billing.py; change that, and run: make generate
"""``client.billing``: what the account has and used, and how to top it up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Unpack

from nexevo_async.models.billing import Balance, BillingUsage, Checkout, CreditGrants, Plan, TotalUsage, UpgradeAdvice
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.billing import Billing as AsyncBilling
from nexevo_async.resources.billing import suggest_idempotency_key as suggest_idempotency_key
from nexevo_sync._shapes import Twin


class Billing(Twin[AsyncBilling]):
    """
    Balance, usage, plan and top-ups. Every amount is a `Decimal`.

    Reached as ``client.billing``. The balance and the two totals are documented, the other routes assumed.
    """

    def balance(self, **options: Unpack[CallOptions]) -> Balance:
        """
        Tell what the account holds.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.balance, **options)

    def usage(self, days: int | None = None, **options: Unpack[CallOptions]) -> BillingUsage:
        """
        Tell what was used, by day and by tier.

        Args:
            days: How many days to look back, at least 1. None means as many as the service likes.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The number of days is not a whole number of at least 1.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.usage, days, **options)

    def get_plan(self, **options: Unpack[CallOptions]) -> Plan:
        """
        Tell the plan of the account.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.get_plan, **options)

    def upgrade_hint(self, **options: Unpack[CallOptions]) -> UpgradeAdvice:
        """
        Ask whether another plan would be cheaper. Without a better plan the ``hint`` is None or empty.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.upgrade_hint, **options)

    def checkout(
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
        return self._portal.call(
            self._async.checkout, amount_usd=amount_usd, idempotency_key=idempotency_key, **options
        )

    def credit_grants(self, **options: Unpack[CallOptions]) -> CreditGrants:
        """
        Tell the totals of the account, this month. Documented for CloseAI; rate-limited, so do not ask often.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            RateLimitError: It was asked too often.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.credit_grants, **options)

    def total_usage(
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
        return self._portal.call(self._async.total_usage, start_date=start_date, end_date=end_date, **options)
