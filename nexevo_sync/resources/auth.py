# Written by tools/generate_sync.py from nexevo_async/resources/auth.py; change that, and run: make generate
"""``client.auth``: the account behind the key."""

from __future__ import annotations

from typing import Unpack

from nexevo_async.models.account import LoginSession, Profile, TwoFactorSetup, TwoFactorStatus
from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.auth import Auth as AsyncAuth
from nexevo_sync._shapes import Twin


class Auth(Twin[AsyncAuth]):
    """
    Profile, password, second factor, registration.

    Reached as ``client.auth``. All routes are assumed. Passwords, codes and tokens never appear in an error, a repr or
    a log line.
    """

    def me(self, **options: Unpack[CallOptions]) -> Profile:
        """
        Tell whose account it is.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.me, **options)

    def update_profile(self, *, full_name: str, **options: Unpack[CallOptions]) -> Profile:
        """
        Change the name.

        Args:
            full_name: The new name, not empty.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The name is empty.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.update_profile, full_name=full_name, **options)

    def change_password(
        self, *, current_password: str, new_password: str, **options: Unpack[CallOptions]
    ) -> Acknowledgement:
        """
        Change the password.

        Args:
            current_password: The password so far.
            new_password: The password from now on.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: One of them is empty.
            PermissionDeniedError: The current password is wrong (the status is assumed).
            OutcomeUnknownError: It may have been changed, and the answer was lost.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(
            self._async.change_password, current_password=current_password, new_password=new_password, **options
        )

    def two_fa_status(self, **options: Unpack[CallOptions]) -> TwoFactorStatus:
        """
        Tell whether logging in needs a code.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.two_fa_status, **options)

    def two_fa_setup(self, **options: Unpack[CallOptions]) -> TwoFactorSetup:
        """
        Get a secret for an authenticator app. It counts once `two_fa_enable` has confirmed it with a code.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConflictError: The second factor is on already (the status is assumed).
            OutcomeUnknownError: A secret may have been drawn, and the answer was lost; ask for another.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.two_fa_setup, **options)

    def two_fa_enable(self, code: str, **options: Unpack[CallOptions]) -> TwoFactorStatus:
        """
        Turn the second factor on.

        Args:
            code: The present code of the authenticator app, as text: it may begin with a zero.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The code is empty or not text.
            BadRequestError: The code is wrong or too old (the status is assumed).

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.two_fa_enable, code, **options)

    def two_fa_disable(self, code: str, **options: Unpack[CallOptions]) -> TwoFactorStatus:
        """
        Turn the second factor off.

        Args:
            code: The present code of the authenticator app, as text: it may begin with a zero.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The code is empty or not text.
            BadRequestError: The code is wrong or too old (the status is assumed).

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.two_fa_disable, code, **options)

    def register(
        self, *, email: str, password: str, full_name: str | None = None, **options: Unpack[CallOptions]
    ) -> Profile:
        """
        Make an account. Sent without the key.

        Args:
            email: The address to log in with.
            password: The password to log in with.
            full_name: The name of the user. None sends none.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The address or the password is empty.
            ConflictError: The address has an account already (the status is assumed).
            OutcomeUnknownError: It may have been made, and the answer was lost; `login` shows whether it was.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.register, email=email, password=password, full_name=full_name, **options)

    def login(
        self, *, email: str, password: str, code: str | None = None, **options: Unpack[CallOptions]
    ) -> LoginSession:
        """
        Trade a password for a token. Sent without the key.

        Args:
            email: The address of the account.
            password: Its password.
            code: The present code of the authenticator app, where the second factor is on. None sends none.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The address, the password or the code is empty.
            AuthenticationError: Address, password or code is wrong.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.login, email=email, password=password, code=code, **options)

    def forgot_password(self, email: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Have a reset token mailed. Sent without the key.

        Args:
            email: The address of the account.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The address is empty.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.forgot_password, email, **options)

    def reset_password(self, *, token: str, new_password: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Set a new password with a reset token. Sent without the key.

        Args:
            token: The token from the mail.
            new_password: The password from now on.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: One of them is empty.
            BadRequestError: The token is unknown, used or too old (the status is assumed).

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.reset_password, token=token, new_password=new_password, **options)

    def deactivate(self, password: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Delete the account with its data, and its keys with it. There is no way back.

        Args:
            password: The password of the account, as a confirmation.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The password is empty.
            OutcomeUnknownError: It may be gone, and the answer was lost; `me` fails if it is.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.deactivate, password, **options)
