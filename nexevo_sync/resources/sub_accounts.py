# Written by tools/generate_sync.py from nexevo_async/resources/sub_accounts.py; change that, and run: make generate
"""``client.sub_accounts``: keys with a balance and prices of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Unpack

from nexevo_async.models.acknowledgement import Success
from nexevo_async.models.sub_accounts import SubAccount
from nexevo_async.pagination import Page
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.sub_accounts import SubAccounts as AsyncSubAccounts
from nexevo_sync._shapes import Twin
from nexevo_sync.pagination import Pages


class SubAccounts(Twin[AsyncSubAccounts]):
    """
    Sub-accounts of the platform. Only the key of the main account may call this.

    Reached as ``client.sub_accounts``. All of it is documented, for CloseAI. The fields `prompt_price`,
    `completion_price` and `auto_following` are obsolete and refused: `pricing_factor` has taken their place.
    """

    def list(
        self,
        *,
        alias: str | None = None,
        sk: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        **options: Unpack[CallOptions],
    ) -> Pages[SubAccount]:
        """
        List sub-accounts. The first page is fetched at once, the others when iteration reaches them.

        Args:
            alias: Only those called so. None means all.
            sk: Only the one with this key. None means all.
            page: The first page to fetch, from 1. None means 1.
            page_size: Most items on a page, at least 1; -1 puts all on one page. None means the service's own.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: A number is out of range, or a filter is empty.
            PermissionDeniedError: The key is not that of a main account.

        .. versionadded:: 0.1.0
        """
        return Pages.fetch(
            self._portal, self._async.list(alias=alias, sk=sk, page=page, page_size=page_size, **options)
        )

    def create(
        self,
        *,
        alias: str,
        balance: Decimal | str | int,
        model_pricing: Sequence[Mapping[str, Any]],
        count: int = 1,
        **options: Unpack[CallOptions],
    ) -> Page[SubAccount]:
        """
        Make sub-accounts. Their keys are in the answer (``page[0].token``).

        Args:
            alias: What to call them.
            balance: What each may spend in USD, more than zero: a `Decimal`, decimal text or a whole number.
            model_pricing: The models they may use, as ``{"model": …, "pricing_factor": …}``. At least one: a model that
                is not listed may not be used.
            count: How many to make, at least 1.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: An argument cannot work; the message names it.
            PermissionDeniedError: The key is not that of a main account.
            OutcomeUnknownError: They may have been made, and the answer was lost; `list` shows whether they were.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(
            self._async.create, alias=alias, balance=balance, model_pricing=model_pricing, count=count, **options
        )

    def update(
        self,
        sks: Collection[str],
        *,
        model_pricing: Sequence[Mapping[str, Any]],
        alias: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Success:
        """
        Change sub-accounts.

        Args:
            sks: Their keys, at least one.
            model_pricing: The models they may use from now on, as ``{"model": …, "pricing_factor": …}``. It replaces
                what was there: a model that is not listed may not be used, and an empty list allows none.
            alias: What to call them from now on. None leaves it as it is.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: An argument cannot work; the message names it and never shows a key.
            PermissionDeniedError: The key is not that of a main account.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.update, sks, model_pricing=model_pricing, alias=alias, **options)

    def delete(self, sks: Collection[str], **options: Unpack[CallOptions]) -> Success:
        """
        Delete sub-accounts. Their keys stop working.

        Args:
            sks: Their keys, at least one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: There is no key in the list; the message never shows one.
            PermissionDeniedError: The key is not that of a main account.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.delete, sks, **options)
