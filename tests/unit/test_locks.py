"""A lock on a row lets other transactions refer to it, or two of them can wait for each other."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_lock_on_rows_leaves_their_keys_alone():
    wanted = "select_for_update(no_key=True"
    found = [
        f"{path.relative_to(ROOT)}: {call}"
        for room in ("mkterp", "sync", "mapping", "reconciliation")
        for path in (ROOT / room).rglob("*.py")
        for call in re.findall(r"select_for_update\([^)]*", path.read_text())
        if not call.startswith(wanted)
    ]
    assert found == []
