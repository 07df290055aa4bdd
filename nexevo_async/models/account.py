"""The account's own data: profile, second factor, login."""

from __future__ import annotations

from datetime import datetime

from nexevo_async.models._common import Model, model
from nexevo_async.models._common import secret as secret_field  # one of the fields is called secret


@model
class Profile(Model):
    """
    Who the account belongs to.

    Attributes:
        user_id: The id of the user, as organizations use it.
        email: The address to log in with.
        full_name: The name, or None if none was given.
        two_fa_enabled: Whether logging in needs a code.
        created_at: When the account was made, with its offset.

    .. versionadded:: 0.1.0
    """

    user_id: str | None = None
    email: str | None = None
    full_name: str | None = None
    two_fa_enabled: bool | None = None
    created_at: datetime | None = None


@model
class TwoFactorStatus(Model):
    """
    Whether logging in needs a code of an authenticator app.

    Attributes:
        enabled: Whether the second factor is on; None if the service did not say.

    .. versionadded:: 0.1.0
    """

    enabled: bool | None = None


@model
class TwoFactorSetup(Model):
    """
    What an authenticator app needs. Both fields are left out of the repr.

    Attributes:
        secret: The shared secret, in base 32.
        otpauth_url: The same as an ``otpauth://`` address, usually shown as a QR code.

    .. versionadded:: 0.1.0
    """

    secret: str | None = secret_field(default=None)
    otpauth_url: str | None = secret_field(default=None)


@model
class LoginSession(Model):
    """
    The answer to a login. The tokens are left out of the repr.

    Which of the two names the service uses is not documented; the other one is None.

    Attributes:
        token: The token of the session.
        access_token: The token of the session, under the name that OAuth uses.
        token_type: How to send it, usually ``bearer``.
        expires_in: Seconds for which it is valid.
        user: The profile of the user.

    .. versionadded:: 0.1.0
    """

    token: str | None = secret_field(default=None)
    access_token: str | None = secret_field(default=None)
    token_type: str | None = None
    expires_in: int | None = None
    user: Profile | None = None
