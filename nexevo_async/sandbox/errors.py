"""The one exception that sandbox code raises on purpose; the gateway renders it as an OpenAI error body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The `type` that goes with a status when the raiser names none (OpenAI's words, kept by OpenAI-compatible servers).
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_balance",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}

#: The `code` that goes with a status when nobody names one; the first four are documented (contract, section 1).
_CODES = {
    401: "invalid_api_key",
    402: "insufficient_balance",
    429: "rate_limit_exceeded",
    502: "upstream_error",
    400: "invalid_request",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "request_too_large",
    422: "unprocessable",
    503: "service_unavailable",
    504: "gateway_timeout",
}


def default_type(status: int) -> str:
    """The error `type` that fits an HTTP status."""
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def default_code(status: int) -> str:
    """The error `code` that fits an HTTP status."""
    return _CODES.get(status, "internal_error" if status >= 500 else "invalid_request")


class ApiError(Exception):
    """
    An answer with an error body: ``{"error": {"message", "type", "code"}}``.

    Args:
        status: HTTP status, 400 to 599.
        code: Machine-readable reason, such as ``invalid_api_key``.
        message: One sentence for people, without secrets.
        type: Family of the error; None takes the one that fits the status.
        headers: Extra response headers.
        param: Name of the request field at fault; None when no single field is.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        type: str | None = None,  # noqa: A002 - the word that the error body has for it
        headers: Mapping[str, str] | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.type = type or default_type(status)
        self.headers = dict(headers or {})
        self.param = param

    def body(self) -> dict[str, Any]:
        """The error as the JSON object that goes out."""
        error: dict[str, Any] = {"message": self.message, "type": self.type, "code": self.code}
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"
