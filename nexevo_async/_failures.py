"""What went wrong with one attempt over HTTP: exceptions of aiohttp and limits that passed, in our words."""

from __future__ import annotations

import errno
import os
import ssl
import time

from nexevo_async._limits import Limits
from nexevo_async._messages import AttemptFailed, FailureKind
from nexevo_async._progress import Progress
from nexevo_async._redaction import redact_text

#: Share of a time limit by which its timer may be late before the loop itself is to blame.
LATE_SHARE = 0.25


def too_late(progress: Progress, limits: Limits, began: float) -> AttemptFailed:
    """What a limit that passed means: how far the attempt had got, and whether our own loop was late."""
    kind, detail = FailureKind.SILENT, ""
    if progress.waiting:
        kind = FailureKind.POOL
    elif progress.answered:
        kind, detail = FailureKind.BROKEN, "the body did not arrive in time"
    elif progress.known and not progress.connected:
        kind = FailureKind.CONNECT_TIMEOUT
    late = limits.until is not None and is_late(limits.until - began, time.monotonic() - began)
    return AttemptFailed(kind, detail, limit=limits.ends, late=late)


def is_late(limit: float, taken: float) -> bool:
    """
    Whether a timer went off so late that the loop itself must have been busy: the answer may be lying there unread.

    A starved process otherwise takes every endpoint for dead.
    """
    return taken - limit > LATE_SHARE * limit


def failure_of(error: Exception, progress: Progress, connect: float | None) -> AttemptFailed:
    """What an exception of aiohttp means, most special first."""
    import aiohttp  # it has been imported: it raised

    detail = describe(error)
    kinds: tuple[tuple[type[Exception], FailureKind], ...] = (
        (aiohttp.ConnectionTimeoutError, FailureKind.CONNECT_TIMEOUT),
        (aiohttp.ClientConnectorDNSError, FailureKind.DNS),
        (aiohttp.ClientConnectorCertificateError, FailureKind.CERTIFICATE),
        (aiohttp.ClientProxyConnectionError, FailureKind.PROXY),
        (aiohttp.ClientHttpProxyError, FailureKind.PROXY),
        (aiohttp.ClientSSLError, FailureKind.TLS),
        (aiohttp.ServerFingerprintMismatch, FailureKind.CERTIFICATE),
    )
    for cls, kind in kinds:
        if isinstance(error, cls):
            if kind is not FailureKind.CONNECT_TIMEOUT:
                return AttemptFailed(kind, detail)
            taken = time.monotonic() - progress.connecting_since
            late = progress.known and connect is not None and is_late(connect, taken)
            return AttemptFailed(kind, limit="connect", late=late)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return AttemptFailed(FailureKind.POOL, "this process has too many open files")
    if isinstance(error, aiohttp.ClientConnectorError):
        if error.os_error.errno == errno.ECONNREFUSED:
            return AttemptFailed(FailureKind.REFUSED)
        return AttemptFailed(FailureKind.CONNECT, detail)
    if progress.known and not progress.connected and isinstance(error, OSError | ssl.SSLError):
        return AttemptFailed(FailureKind.CONNECT, detail)
    if isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError | ConnectionError):
        reused = progress.known and progress.reused
        return AttemptFailed(FailureKind.STALE if reused else FailureKind.RESET, detail, reused=reused)
    if isinstance(error, aiohttp.ClientPayloadError):
        return AttemptFailed(FailureKind.BROKEN, detail)
    return AttemptFailed(FailureKind.MALFORMED, detail)


def is_about_us(error: Exception, progress: Progress) -> bool:
    """Whether the request, the settings or a middleware of the caller's are wrong, before anybody was asked."""
    import aiohttp

    if progress.may_have_left or isinstance(error, OSError):  # a refused certificate is a `ValueError` too
        return False
    return isinstance(error, ValueError | TypeError) or not isinstance(error, aiohttp.ClientError)


def what_is_wrong(error: Exception) -> str:
    """The words of such a mistake, without an address: that of a proxy may hold a password."""
    import aiohttp

    words = str(error)
    if isinstance(error, aiohttp.InvalidURL) or "//" in words or "@" in words:
        return f"an address cannot be used, perhaps that of the proxy ({type(error).__name__})"
    return redact_text(words)


def describe(error: BaseException) -> str:
    """A few words that hold neither a URL nor text of the answer: both may hold secrets."""
    # aiohttp before 3.14 keeps a refused certificate elsewhere than all other causes.
    cause = getattr(error, "certificate_error", getattr(error, "os_error", error))
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError) and cause.reason:  # its number is none of the system's
        words = cause.reason.replace("_", " ").lower()
        return f"{words}: the port probably does not speak TLS" if words in _NOT_TLS else words
    if isinstance(cause, OSError) and cause.strerror:
        # asyncio puts the address into its words, which the error names anyway.
        number = cause.errno or 0
        return os.strerror(number) if number > 0 else cause.strerror.partition(" [")[0]
    return _WORDS.get(type(error).__name__, type(error).__name__)


#: What OpenSSL, by its version, says of bytes that are no TLS.
_NOT_TLS = ("wrong version number", "record layer failure")

#: Names of aiohttp's exceptions in words.
_WORDS = {
    "ClientPayloadError": "the body is incomplete",
    "ServerDisconnectedError": "the server closed the connection",
    "ClientConnectionError": "the connection was closed",
    "ContentEncodingError": "the body cannot be decompressed",
    "BadStatusLine": "the answer does not begin with a status line",
    "TransferEncodingError": "the chunks of the body are damaged",
}
