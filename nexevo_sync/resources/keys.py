# Written by tools/generate_sync.py from nexevo_async/resources/keys.py; change that, and run: make generate
"""``client.keys``: API keys."""

from __future__ import annotations

from decimal import Decimal
from typing import Unpack

from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.models.keys import CreatedKey, GeoPolicy, Key
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.keys import Keys as AsyncKeys
from nexevo_sync._shapes import Twin
from nexevo_sync.pagination import Pages


class Keys(Twin[AsyncKeys]):
    """
    Hand out API keys and take them back.

    Reached as ``client.keys``. All routes are assumed; the three geo policies are documented.
    """

    def create(self, name: str, **options: Unpack[CallOptions]) -> CreatedKey:
        """
        Make a new key.

        The answer is the one moment its secret can be read (``full_key``); the service keeps only a hash.

        Args:
            name: What to call it, 1 to 100 characters.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The name is empty or too long.
            OutcomeUnknownError: It may have been made, and the answer was lost with its secret; `list` shows whether it
                was, and `revoke` takes it back.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.create, name, **options)

    def list(self, **options: Unpack[CallOptions]) -> Pages[Key]:
        """
        List the keys, without their secrets, on one page.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key of the client is not valid.

        .. versionadded:: 0.1.0
        """
        return Pages.fetch(self._portal, self._async.list(**options))

    def revoke(self, key_id: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Take a key back, for good.

        Args:
            key_id: Which one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The id is empty.
            NotFoundError: There is no such key.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.revoke, key_id, **options)

    def update_spend_cap(
        self,
        key_id: str,
        *,
        monthly_spend_cap_usd: Decimal | str | int | None = None,
        clear: bool = False,
        **options: Unpack[CallOptions],
    ) -> Key:
        """
        Cap what a key may spend in a calendar month, or lift the cap. Exactly one of the two arguments is needed.

        Over the cap, every request of the key is refused for the rest of the month.

        Args:
            key_id: Which one.
            monthly_spend_cap_usd: The cap in USD, more than zero: a `Decimal`, decimal text or a whole number.
            clear: True lifts the cap.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: Both or neither were given, or the cap is a float, not finite, or not more than zero.
            NotFoundError: There is no such key.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(
            self._async.update_spend_cap, key_id, monthly_spend_cap_usd=monthly_spend_cap_usd, clear=clear, **options
        )

    def update_alert_webhook(self, key_id: str, url: str | None, **options: Unpack[CallOptions]) -> Key:
        """
        Set where alerts about the spending of a key go.

        Args:
            key_id: Which one.
            url: An https URL with a host and without credentials. None clears it.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The URL is not https, has no host, or holds credentials.
            NotFoundError: There is no such key.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.update_alert_webhook, key_id, url, **options)

    def update_geo_policy(self, key_id: str, geo_policy: GeoPolicy, **options: Unpack[CallOptions]) -> Key:
        """
        Set where the requests of a key may be served.

        Args:
            key_id: Which one.
            geo_policy: ``cn-only``, ``overseas-only`` or ``any``.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: There is no such policy.
            NotFoundError: There is no such key.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.update_geo_policy, key_id, geo_policy, **options)
