"""When to try again: a back-off with a cap and full jitter, as a pure function."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias
from uuid import UUID

_DOUBLINGS = 64

Shape: TypeAlias = Literal["exponential", "linear", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The longest wait after each failure, from `base_seconds` up to `cap_seconds`.

    It doubles with each failure, grows by the same amount, or stays, by its `shape`; `wait` tells it of the number of
    failures instead, where it is there. With `jitter` the wait is drawn evenly between nothing and that longest wait
    ("full jitter"), so that tasks that failed together do not come back together.
    """

    base_seconds: float = 2.0
    cap_seconds: float = 3600.0
    jitter: bool = True
    shape: Shape = "exponential"
    wait: Callable[[int], float] | None = None

    def delay_seconds(self, failures: int, fraction: float) -> float:
        """Seconds to wait after the failure number `failures` (1 or more); `fraction` in [0, 1) is the draw."""
        longest = self.longest_seconds(failures)
        return longest * fraction if self.jitter else longest

    def longest_seconds(self, failures: int) -> float:
        """The upper bound of the wait after the failure number `failures`."""
        if self.wait is not None:
            return min(self.cap_seconds, max(0.0, self.wait(failures)))
        number = max(failures, 1)
        factor = {"exponential": 2 ** min(number - 1, _DOUBLINGS), "linear": number, "fixed": 1}[self.shape]
        return float(min(self.cap_seconds, self.base_seconds * min(factor, 2**_DOUBLINGS)))


def draw(task_id: UUID, attempt: int) -> float:
    """An even draw in [0, 1) that is the same for the same attempt of the same task, whoever computes it."""
    digest = blake2b(task_id.bytes + attempt.to_bytes(8, "big"), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56
