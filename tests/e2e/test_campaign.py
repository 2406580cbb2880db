"""The fault campaign in small: every promise holds after a minute of misfortune."""

import json
import subprocess
import sys

from tests.e2e.stack import ROOT
from tests.faults.verdict import PROMISES


def test_a_minute_of_misfortune_breaks_no_promise():
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--seed", "11", "--faults", "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["faults"] >= 100
    assert found["orders"] > 20
    assert {name: found[name] for name in PROMISES} == dict.fromkeys(PROMISES, 0)
