"""How a run ends: its budget is used up, or somebody asks."""

from __future__ import annotations

import signal

from .recipe import Recipe


class Stop:
    """Turned on by SIGTERM or Ctrl-C: the run then finishes its step, saves and exits."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def ignore_signals(_worker: int) -> None:
    """For the workers that prepare batches: a signal to the whole process group must not kill them before the run has
    saved."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def share_done(progress: dict, recipe: Recipe, minutes: float | None) -> float:
    """How much of the run is done, 0 to 1: of its steps or of its minutes, whichever is further."""
    of_time = 0.0 if minutes is None else progress["seconds"] / (minutes * 60) if minutes > 0 else 1.0
    return max(of_time, progress["step"] / recipe.steps)
