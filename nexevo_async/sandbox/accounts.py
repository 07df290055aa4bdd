"""Users: registration, login with a second factor, passwords, and the right to be forgotten."""

from __future__ import annotations

import secrets
import sqlite3
from datetime import timedelta
from typing import Any

import attrs

from nexevo_async.sandbox.database import Database, hash_secret, to_text
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.passwords import hash_password, password_fits
from nexevo_async.sandbox.totp import new_totp_secret, otpauth_url, totp_fits
from nexevo_async.sandbox.users import add_user, find_user, get_user, profile

LOGIN_LIFETIME = timedelta(days=1)
RESET_LIFETIME = timedelta(hours=1)


@attrs.define
class Outbox:
    """
    What would be mailed.

    Attributes:
        reset_tokens: Password reset tokens by e-mail address, in lower case; the last one of each.
    """

    reset_tokens: dict[str, str] = attrs.field(factory=dict, repr=False)


def register(db: Database, *, email: str, password: str, full_name: str | None) -> dict[str, Any]:
    """Add a user, or complete one who was invited; return the profile. 409 when the address is taken."""
    hashed = hash_password(password)
    with db.transaction():
        known = find_user(db, email)
        if known is None:
            user_id = add_user(db, email=email, full_name=full_name, password=hashed)
        elif known["password"] is None:
            user_id = str(known["user_id"])
            db.run("UPDATE users SET password = ?, full_name = ? WHERE user_id = ?", hashed, full_name, user_id)
        else:
            raise ApiError(409, "email_taken", "An account with this e-mail address exists already.", param="email")
    return profile(get_user(db, user_id))


def login(db: Database, *, email: str, password: str, code: str | None) -> dict[str, Any]:
    """Check the password, and the second factor where it is on; return a token for the account calls."""
    user = find_user(db, email)
    fits = password_fits(password, None if user is None else user["password"])
    if user is None or not fits:
        raise ApiError(401, "invalid_credentials", "The e-mail address or the password is wrong.")
    if user["totp_enabled"]:
        if code is None:
            raise ApiError(
                401, "two_fa_required", "This account has a second factor; send its code in 'code'.", param="code"
            )
        if not totp_fits(user["totp_secret"], code, db.now()):
            raise ApiError(
                401, "invalid_two_fa_code", "The code of the second factor is wrong or too old.", param="code"
            )
    token = "login-" + secrets.token_urlsafe(32)
    db.insert(
        "logins",
        token_hash=hash_secret(token),
        login_id="login-" + db.new_id("session").removeprefix("session_"),
        user_id=user["user_id"],
        expires_at=to_text(db.now() + LOGIN_LIFETIME),
    )
    return {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": int(LOGIN_LIFETIME.total_seconds()),
        "user": profile(user),
    }


def update_profile(db: Database, user_id: str, full_name: str) -> dict[str, Any]:
    """Change the name; return the profile."""
    db.run("UPDATE users SET full_name = ? WHERE user_id = ?", full_name, user_id)
    return profile(get_user(db, user_id))


def change_password(db: Database, user_id: str, *, current: str, new: str, keep_login: str | None) -> None:
    """Set a new password and end every other login; 403 when the current one is wrong."""
    _check_password(get_user(db, user_id), current, "current_password")
    with db.transaction():
        db.run("UPDATE users SET password = ? WHERE user_id = ?", hash_password(new), user_id)
        db.run("DELETE FROM logins WHERE user_id = ? AND login_id IS NOT ?", user_id, keep_login)
        db.run("DELETE FROM resets WHERE user_id = ?", user_id)


def forgot_password(db: Database, outbox: Outbox, email: str) -> None:
    """Put a reset token in the outbox; does nothing visible when nobody has that address, so that nobody can probe."""
    user = find_user(db, email)
    if user is None:
        return
    token = "reset-" + secrets.token_urlsafe(32)
    with db.transaction():
        db.run("DELETE FROM resets WHERE user_id = ?", user["user_id"])
        db.insert(
            "resets",
            token_hash=hash_secret(token),
            user_id=user["user_id"],
            expires_at=to_text(db.now() + RESET_LIFETIME),
        )
    outbox.reset_tokens[str(user["email"]).lower()] = token


def reset_password(db: Database, outbox: Outbox, *, token: str, new: str) -> None:
    """Set a new password with a reset token, once, and end every login; 400 when the token is unknown, used or old."""
    row = db.one("SELECT user_id, expires_at FROM resets WHERE token_hash = ?", hash_secret(token))
    if row is None or row["expires_at"] <= db.timestamp():
        raise ApiError(
            400, "invalid_reset_token", "The reset token is unknown, used or too old; ask for a new one.", param="token"
        )
    user_id = row["user_id"]
    with db.transaction():
        db.run("UPDATE users SET password = ? WHERE user_id = ?", hash_password(new), user_id)
        db.run("DELETE FROM resets WHERE user_id = ?", user_id)
        db.run("DELETE FROM logins WHERE user_id = ?", user_id)
    outbox.reset_tokens.pop(str(get_user(db, user_id)["email"]).lower(), None)


def two_fa_status(db: Database, user_id: str) -> dict[str, Any]:
    """Whether the second factor is on, and whether a setup waits to be confirmed."""
    user = get_user(db, user_id)
    enabled = bool(user["totp_enabled"])
    return {"enabled": enabled, "pending": not enabled and user["totp_secret"] is not None}


def two_fa_setup(db: Database, user_id: str) -> dict[str, Any]:
    """Draw a secret for an authenticator app; it counts once a code confirms it. 409 when the second factor is on."""
    user = get_user(db, user_id)
    if user["totp_enabled"]:
        raise ApiError(409, "two_fa_already_enabled", "The second factor is on; disable it before setting it up anew.")
    secret = new_totp_secret()
    db.run("UPDATE users SET totp_secret = ? WHERE user_id = ?", secret, user_id)
    return {"secret": secret, "otpauth_url": otpauth_url(secret, account=user["email"])}


def two_fa_enable(db: Database, user_id: str, code: str) -> dict[str, Any]:
    """Turn the second factor on with a code of the secret from the setup."""
    user = get_user(db, user_id)
    if user["totp_enabled"]:
        raise ApiError(409, "two_fa_already_enabled", "The second factor is on already.")
    if user["totp_secret"] is None:
        raise ApiError(409, "two_fa_not_set_up", "Set up the second factor first; the setup gives the secret.")
    _check_code(db, user, code)
    db.run("UPDATE users SET totp_enabled = 1 WHERE user_id = ?", user_id)
    return two_fa_status(db, user_id)


def two_fa_disable(db: Database, user_id: str, code: str) -> dict[str, Any]:
    """Turn the second factor off with a valid code, and forget the secret."""
    user = get_user(db, user_id)
    if not user["totp_enabled"]:
        raise ApiError(409, "two_fa_not_enabled", "The second factor is off already.")
    _check_code(db, user, code)
    db.run("UPDATE users SET totp_enabled = 0, totp_secret = NULL WHERE user_id = ?", user_id)
    return two_fa_status(db, user_id)


def deactivate(db: Database, outbox: Outbox, user_id: str, password: str) -> None:
    """
    Delete the user and everything that belongs to the account; its keys are dead at once.

    Organizations that the user owns alone go with it; 409 while others are in one: ownership can be handed over.
    """
    user = get_user(db, user_id)
    _check_password(user, password, "password")
    with db.transaction():
        owned = db.all("SELECT org_id FROM members WHERE user_id = ? AND role = 'owner'", user_id)
        for row in owned:
            if db.value("SELECT count(*) FROM members WHERE org_id = ?", row["org_id"]) > 1:
                message = f"You own organization {row['org_id']}, which has other members; transfer or empty it first."
                raise ApiError(409, "owns_organization", message)
            db.run("DELETE FROM organizations WHERE org_id = ?", row["org_id"])
        db.run("DELETE FROM spend WHERE key_id IN (SELECT key_id FROM keys WHERE user_id = ?)", user_id)
        db.run("DELETE FROM spend WHERE key_id IN (SELECT 'sub-' || id FROM sub_accounts WHERE user_id = ?)", user_id)
        db.run("DELETE FROM users WHERE user_id = ?", user_id)
    outbox.reset_tokens.pop(str(user["email"]).lower(), None)
    db.forget()


def _check_password(user: sqlite3.Row, password: str, field: str) -> None:
    if not password_fits(password, user["password"]):
        raise ApiError(403, "wrong_password", "The password is wrong.", param=field)


def _check_code(db: Database, user: sqlite3.Row, code: str) -> None:
    if not totp_fits(user["totp_secret"], code, db.now()):
        raise ApiError(400, "invalid_two_fa_code", "The code of the second factor is wrong or too old.", param="code")
