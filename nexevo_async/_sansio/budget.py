"""A budget that keeps repeats a small share of calls, so that an outage does not become a storm."""

from __future__ import annotations

__all__ = ["Budget"]


class Budget:
    """
    Permission to send more than was asked for: repeats, hedges, resent paid calls.

    Every call earns a share of one permission, every second may earn some more, and a full budget earns nothing. It
    starts full, so that the first call of a process may be repeated too. The idea is Finagle's retry budget.
    """

    __slots__ = ("_at", "_cap", "_in_hand", "_per_second", "_ratio")

    def __init__(self, *, ratio: float, cap: float, per_second: float = 0.0, now: float) -> None:
        self._ratio = ratio
        self._per_second = per_second
        self._cap = cap
        self._in_hand = cap
        self._at = now

    def earn(self) -> None:
        """A call begins: earn its share."""
        if self._in_hand < self._cap:
            self._in_hand = min(self._cap, self._in_hand + self._ratio)

    def spend(self, now: float, *, cost: float = 1.0) -> bool:
        """Take a permission, or as many as this costs; False, and nothing is taken, if there are fewer in hand."""
        if self.in_hand(now) < cost - 1e-9:  # twenty shares of 0.05 are one permission, whatever binary fractions say
            return False
        self._in_hand -= cost
        return True

    def in_hand(self, now: float) -> float:
        """Permissions there are at this moment."""
        if now > self._at:
            self._in_hand = min(self._cap, self._in_hand + (now - self._at) * self._per_second)
            self._at = now
        return self._in_hand

    def __repr__(self) -> str:
        return f"<Budget {self._in_hand:.1f} of {self._cap:g}>"
