"""A rolling window that is kept between turns, and whose slots may be held by others. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Self

from importer.arrivals import Arrivals
from importer.pacing import RatePolicy, RollingWindow

_REMEMBERED: Final = 3  # windows for which arrivals are kept
_NOT_KEPT: Final = {"_policy", "_arrivals"}


class KeptWindow(RollingWindow):
    """The window of `pacing` as a value that can be written down."""

    @classmethod
    def restored(cls, policy: RatePolicy, saved: Mapping[str, Any]) -> Self:
        """Return the window that was saved, under a policy that may be another."""
        window = cls(policy)
        for name in vars(window).keys() - _NOT_KEPT:
            if saved["own"].get(name) is not None:  # else it stays None, or minus infinity, which JSON does not know
                setattr(window, name, saved["own"][name])
        window._arrivals = Arrivals.restored(saved["arrivals"])
        return window

    def saved(self, now: float) -> dict[str, Any]:
        """Return what is known at `now`, ready for JSON; infinite times become null there."""
        self._arrivals.forget(now - _REMEMBERED * self._window_s, at=0)
        own = {name: value for name, value in vars(self).items() if name not in _NOT_KEPT}
        return {"own": own, "arrivals": self._arrivals.saved()}

    @property
    def window_s(self) -> float:
        """Length of the server's window, seconds."""
        return self._window_s

    def take_anyway(self) -> None:
        """Count a slot that somebody holds already, whether there is one or not."""
        self._taken += 1

    def give_back(self) -> None:
        """Take one slot back whose request was never sent."""
        assert self._arrivals.answered < self._taken
        self._taken -= 1

    def until_free(self, now: float) -> float:
        """Return after how many seconds at the earliest there may be a slot; 0.0 if there is one."""
        wait_s = self.take(now)
        if wait_s == 0.0:
            self.give_back()
        return wait_s
