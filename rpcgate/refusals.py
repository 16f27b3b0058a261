"""Count and log what a gate refuses; a flood of it must neither fill the disk nor hide what else the log says."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

log = logging.getLogger(__name__)

LINES = 200  # written of one reason in one PERIOD; what goes beyond is counted and told in one line
PERIOD = 60.0  # seconds


class Refusals:
    """Any thread may tell it. count: takes each refusal's word, whether a line is written or not."""

    def __init__(self, count: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._began = -PERIOD
        self._refused: Counter[str] = Counter()  # in this period, by reason

    def tell(self, reason: str, peer: str, why: str) -> None:
        """Count a refusal, and write its line where there is room. why: never content."""
        self._count(reason)
        with self._lock:
            held_back = self._turn_over()
            self._refused[reason] += 1
            written = self._refused[reason] <= LINES
        for one, times in held_back.items():
            log.warning("refused %d times more in the minute before: %s", times, one)
        if written:
            log.warning("refused %s: %s (%s)", peer, reason, why)

    def _turn_over(self) -> dict[str, int]:
        """Begin a new period where the last is over; give how many lines that one held back, by reason."""
        now = self._clock()
        if now - self._began < PERIOD:
            return {}
        refused, self._began, self._refused = self._refused, now, Counter()
        return {reason: times - LINES for reason, times in refused.items() if times > LINES}
