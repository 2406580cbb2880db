"""What every process of the product pays for when it starts."""

import os
import subprocess
import sys
from pathlib import Path

import django
from django.conf import settings

SCRIPT = """
import sys, django
unwanted = "sklearn", "scipy.stats", "scipy.optimize", "opentelemetry"
django.setup()
import mkterp.urls, mapping.tasks, sync.tasks
print(sorted(name for name in unwanted if name in sys.modules))
"""


def test_processes_start_without_the_libraries_that_only_rankings_and_traces_need():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "mkterp.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_systems_python_finds_what_was_installed_in_the_checkout():
    system = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run(
        [system, "manage.py", "version"],
        cwd=settings.BASE_DIR,
        env={key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == django.__version__
