"""Whether two machines use one device's credential: by the runs of their sync workers.

Every worker says a random name of its own with all that it asks, minted at its start. A machine
that comes back, or whose worker starts anew, uses one after the other; two machines use theirs at
the same time. Pure, but for the name of this run.
"""

import secrets
from typing import Final

RUN_HEADER: Final = "Venue-Gate-Run"
THIS_RUN: Final = secrets.token_hex(8)
"""The name of this process."""
TOGETHER_S: Final = 5.0
"""Both were heard for so long at the same time: what an ended run has sent comes sooner."""
MOST_RUNS: Final = 8


class Twins:
    """When each run of whoever shows a credential was heard, the first and the last time."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, list[float]]] = {}

    def seen(self, credential: str, run: str, now_s: float) -> bool:
        """Note that it was shown; whether another machine shows it at the same time."""
        runs = self._runs.setdefault(credential, {})
        if run not in runs and len(runs) >= MOST_RUNS:
            del runs[min(runs, key=lambda one: runs[one][1])]
        here = runs.setdefault(run, [now_s, now_s])
        here[1] = now_s
        return any(
            min(last_s, here[1]) - max(first_s, here[0]) >= TOGETHER_S
            for other, (first_s, last_s) in runs.items()
            if other != run
        )
