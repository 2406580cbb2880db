"""Finding one's own processes again, and not outliving one's parent."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def titled(pattern: str) -> set[int]:
    """Live processes whose command line matches the regular expression. Zombies are not alive.

    A number in a pid file proves nothing: after a restart it may be another program's.
    """
    wanted = re.compile(pattern, re.DOTALL)
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(
            ["ps", "-axwwo", "pid=,stat=,command="], capture_output=True, text=True, check=True
        )
        rows = (line.split(None, 2) for line in listed.stdout.splitlines())
        alive = ((row[0], row[2]) for row in rows if len(row) == 3 and "Z" not in row[1])
        return {int(pid) for pid, title in alive if wanted.search(title)}
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended while we looked
                title = (entry / "cmdline").read_text(errors="replace")  # a zombie's is empty
                if wanted.search(title.replace("\0", " ")):
                    found.add(int(entry.name))
    return found


def kill_titled(pattern: str, *, within: float) -> set[int]:
    """SIGKILL all such processes until none is left; returns those that do not end in time."""
    deadline = time.monotonic() + within
    while left := titled(pattern):
        if time.monotonic() > deadline:
            return left
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return set()


def die_with_parent(parent: int, with_signal: signal.Signals) -> None:
    """Ask the kernel for this signal when the parent ends, however it ends.

    `parent` is the process that the caller believes to be its parent: if it has ended already the
    signal comes at once. Only Linux can do this; elsewhere it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(with_signal))
    if os.getppid() != parent:
        os.kill(os.getpid(), with_signal)
