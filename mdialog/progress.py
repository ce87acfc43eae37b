"""How far a command is: a bar where someone watches a terminal, a line now and then where output goes to a file."""

import sys
import time
from collections.abc import Callable

LINE_EVERY_S = 15.0


class Progress:
    """Shows counts on stderr; call it, or what :meth:`of` gives, from the work as it goes on.

    Parameters
    ----------
    terminal : bool, optional
        Whether to draw bars; found out if not given.
    clock : callable
        Seconds, growing.
    """

    def __init__(self, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic):
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._clock = clock
        self._what: str | None = None
        self._bar = None
        self._begun = self._said = 0.0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self._end()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """`done` of `total` of `what` are finished."""
        if what != self._what:
            self._end()
            self._what, self._begun = what, self._clock()
            self._said = self._begun
        if self._terminal:
            self._draw(what, done, total)
        elif done == total or self._clock() - self._said >= LINE_EVERY_S:
            self._say(what, done, total)

    def of(self, what: str) -> Callable[[int, int], None]:
        """The same for work that only counts: ``progress(done, total)``."""
        return lambda done, total: self(what, done, total)

    def _draw(self, what: str, done: int, total: int | None) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=what, file=sys.stderr, leave=True, dynamic_ncols=True)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def _say(self, what: str, done: int, total: int | None) -> None:
        self._said = self._clock()
        of = f" of {total}" if total else ""
        print(f"   {what}: {done}{of} after {self._said - self._begun:.0f} s", file=sys.stderr, flush=True)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._what = None
