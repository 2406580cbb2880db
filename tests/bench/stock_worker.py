"""One step of stock in a process of its own, so that its memory is its own: prints JSON.

python -m tests.bench.stock_worker pull|compare|push
"""

import json
import sys
import time
from pathlib import Path

import django


def main() -> None:
    django.setup()
    # They use the models, which exist only now.
    from django.utils import timezone  # noqa: PLC0415

    from sync.services import stock, stock_pull, stock_push  # noqa: PLC0415

    steps = {
        "pull": lambda: stock_pull.pull(clock=timezone.now),
        "compare": lambda: stock.tell_changes(clock=timezone.now),
        "compare_all": lambda: stock.tell_changes(clock=timezone.now, everything=True),
        "push": lambda: {"told": stock_push.push(clock=timezone.now)},
    }
    before = time.perf_counter()
    counts = steps[sys.argv[1]]()
    seconds = time.perf_counter() - before
    # Of this program alone: getrusage would count what our parent held when it forked.
    status = Path("/proc/self/status").read_text()
    megabytes = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "megabytes": megabytes, "counts": counts}))


if __name__ == "__main__":
    main()
