"""Decides on stored invoices until its caller says that all are read; then until none is left."""

import select
import sys
from importlib import import_module

import django
from django.conf import settings

django.setup()

from django.utils import timezone  # noqa: E402

from sync.services import inbox  # noqa: E402

if __name__ == "__main__":
    import_module(settings.ROOT_URLCONF)  # as every worker has from its start
    inbox.process(clock=timezone.now)
    print("ready", flush=True)
    read = False
    while not read:
        read = bool(select.select([sys.stdin], [], [], 0.02)[0])
        inbox.process(clock=timezone.now)
    print("decided", flush=True)
