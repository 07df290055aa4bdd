"""Sends spend alerts to the webhooks of keys, beside the requests that set them off."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress

import aiohttp

from nexevo_async.sandbox.alerts import SpendAlert

_log = logging.getLogger("nexevo.sandbox")

_ATTEMPTS = 3
_PAUSE = 0.5  # seconds before the second attempt, doubled before the third
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_QUEUE_LIMIT = 1000


class WebhookSender:
    """
    Delivers alerts in the background, one after the other, each tried up to three times.

    Give it to a store as `store.on_alert = sender.enqueue`. Redirects are not followed: a webhook must be https, and a
    redirect could lead away from it.

    Args:
        ssl_context: What to trust; None trusts what the system trusts.
        pause: Seconds before a second attempt, doubled before the third.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None, pause: float = _PAUSE) -> None:
        self._ssl: ssl.SSLContext | bool = True if ssl_context is None else ssl_context
        self._pause = pause
        self._queue: asyncio.Queue[SpendAlert] = asyncio.Queue(_QUEUE_LIMIT)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver; needs a running loop. Alerts from before are delivered too."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="nexevo-sandbox-webhooks")

    def enqueue(self, alert: SpendAlert) -> None:
        """Take an alert to deliver; never waits. With a thousand waiting already it is dropped, and the log says so."""
        try:
            self._queue.put_nowait(alert)
        except asyncio.QueueFull:
            _log.warning("alert webhook of %s dropped: too many are waiting", alert.key_id)

    async def drain(self) -> None:
        """Wait until every alert taken so far was delivered or given up. Needs a started sender."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop at once; alerts that still wait are dropped. Closing twice, or before the start, does nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while True:
                alert = await self._queue.get()
                try:
                    await self._deliver(session, alert)
                finally:
                    self._queue.task_done()

    async def _deliver(self, session: aiohttp.ClientSession, alert: SpendAlert) -> None:
        reason = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
            try:
                answer = await session.post(alert.url, json=alert_body(alert), ssl=self._ssl, allow_redirects=False)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                reason = type(error).__name__  # its text may quote the address
                continue
            answer.release()
            if 200 <= answer.status < 300:
                return
            reason = f"status {answer.status}"
        _log.warning("alert webhook of %s given up after %d attempts: %s", alert.key_id, _ATTEMPTS, reason)


def alert_body(alert: SpendAlert) -> dict[str, object]:
    """What a webhook receives."""
    return {
        "event": "spend_alert",
        "key_id": alert.key_id,
        "threshold_pct": alert.threshold_pct,
        "month": alert.month,
        "month_spend_usd": f"{alert.month_spend_usd:f}",
        "monthly_spend_cap_usd": f"{alert.monthly_spend_cap_usd:f}",
        "sent_at": alert.at.isoformat(),
    }
