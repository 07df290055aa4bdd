"""``client.auth``: the account behind the key."""

from __future__ import annotations

from typing import Unpack

from nexevo_async._validation import not_blank, text
from nexevo_async.models.account import LoginSession, Profile, TwoFactorSetup, TwoFactorStatus
from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.resources._base import CallOptions, Resource, given


class Auth(Resource):
    """
    Profile, password, second factor, registration.

    Reached as ``client.auth``. All routes are assumed. Passwords, codes and tokens never appear in an error, a repr or
    a log line.
    """

    __slots__ = ()

    async def me(self, **options: Unpack[CallOptions]) -> Profile:
        """
        Tell whose account it is.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("auth.me", Profile, options)

    async def update_profile(self, *, full_name: str, **options: Unpack[CallOptions]) -> Profile:
        """
        Change the name.

        Args:
            full_name: The new name, not empty.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The name is empty.

        .. versionadded:: 0.1.0
        """
        body = {"full_name": not_blank("full_name", full_name)}
        return await self._fetch("auth.update_profile", Profile, options, json=body)

    async def change_password(
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
        body = {
            "current_password": text("current_password", current_password),
            "new_password": text("new_password", new_password),
        }
        return await self._fetch("auth.change_password", Acknowledgement, options, json=body)

    async def two_fa_status(self, **options: Unpack[CallOptions]) -> TwoFactorStatus:
        """
        Tell whether logging in needs a code.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            AuthenticationError: The key is not valid.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("auth.two_fa_status", TwoFactorStatus, options)

    async def two_fa_setup(self, **options: Unpack[CallOptions]) -> TwoFactorSetup:
        """
        Get a secret for an authenticator app. It counts once `two_fa_enable` has confirmed it with a code.

        Args:
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConflictError: The second factor is on already (the status is assumed).
            OutcomeUnknownError: A secret may have been drawn, and the answer was lost; ask for another.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("auth.two_fa_setup", TwoFactorSetup, options)

    async def two_fa_enable(self, code: str, **options: Unpack[CallOptions]) -> TwoFactorStatus:
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
        return await self._fetch("auth.two_fa_enable", TwoFactorStatus, options, json={"code": not_blank("code", code)})

    async def two_fa_disable(self, code: str, **options: Unpack[CallOptions]) -> TwoFactorStatus:
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
        body = {"code": not_blank("code", code)}
        return await self._fetch("auth.two_fa_disable", TwoFactorStatus, options, json=body)

    async def register(
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
        body = _login(email, password) | given(full_name=None if full_name is None else text("full_name", full_name))
        return await self._fetch("auth.register", Profile, options, json=body)

    async def login(
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
        body = _login(email, password) | given(code=None if code is None else not_blank("code", code))
        return await self._fetch("auth.login", LoginSession, options, json=body)

    async def forgot_password(self, email: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Have a reset token mailed. Sent without the key.

        Args:
            email: The address of the account.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The address is empty.

        .. versionadded:: 0.1.0
        """
        body = {"email": not_blank("email", email)}
        return await self._fetch("auth.forgot_password", Acknowledgement, options, json=body)

    async def reset_password(self, *, token: str, new_password: str, **options: Unpack[CallOptions]) -> Acknowledgement:
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
        body = {"token": text("token", token), "new_password": text("new_password", new_password)}
        return await self._fetch("auth.reset_password", Acknowledgement, options, json=body)

    async def deactivate(self, password: str, **options: Unpack[CallOptions]) -> Acknowledgement:
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
        body = {"password": text("password", password)}
        return await self._fetch("auth.deactivate", Acknowledgement, options, json=body)


def _login(email: str, password: str) -> dict[str, str]:
    return {"email": not_blank("email", email), "password": text("password", password)}
