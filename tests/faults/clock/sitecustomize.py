"""Runs as Python starts: this process goes by the clock that a file says (see `house.Clocks`).

The clock that waits and timeouts are counted by (`time.monotonic`) stays right, as on a real host.
"""

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import time_machine

FILE = Path(os.environ["MKTERP_FAULTS_CLOCK"])
ours = time_machine.travel(datetime.now(UTC), tick=True).start()
wrong = 0  # minutes; a fork goes on from its parent's


def follow() -> None:
    """Look every half second by how many minutes the clock is to be wrong."""
    global wrong
    while True:
        wanted = int(FILE.read_text())
        if wanted != wrong:
            ours.shift(60 * (wanted - wrong))
            wrong = wanted
        time.sleep(0.5)  # nothing tells of a file that another process replaced


def begin() -> None:
    """A fork has no threads of its parent's."""
    threading.Thread(target=follow, name="clock", daemon=True).start()


begin()
os.register_at_fork(after_in_child=begin)
