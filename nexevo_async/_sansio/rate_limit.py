"""A client-side limit on how many calls start in a minute. Pure: it says how long to wait and never sleeps."""

from __future__ import annotations


class TokenBucket:
    """
    Lets `per_minute` calls start in any minute, evenly spread after a burst of one second's worth.

    The service counts 60 requests a minute for each key by default; a bucket that starts full and refills steadily
    would let twice that through in the first minute, hence the small burst.
    """

    def __init__(self, per_minute: float, *, now: float) -> None:
        self._interval = 60.0 / per_minute
        self._lead = (max(1.0, per_minute / 60.0) - 1.0) * self._interval  # that the burst may have over the pace
        self._next = now  # when the next call may start if all before it kept to the pace

    def reserve(self, now: float) -> float:
        """Take the next turn; the answer is the moment at which it comes."""
        turn, earliest = self._next, now - self._lead
        if turn < earliest:
            turn = earliest
        self._next = turn + self._interval
        return turn if turn > now else now

    def give_back(self) -> None:
        """A turn was taken and not used: its call was cancelled or ran out of time while waiting."""
        self._next -= self._interval
