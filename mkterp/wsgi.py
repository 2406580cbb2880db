"""The web entry point for gunicorn."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from mkterp import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mkterp.settings")
postgres.ensure_running()
application = get_wsgi_application()
# Django reads the screens at the first request. It takes seconds, and whoever came first - a
# webhook, which must be answered in milliseconds - would wait for it.
import_module(settings.ROOT_URLCONF)
# What start-up made stays for ever: the collector need not look at all of it again and again.
gc.collect()
gc.freeze()
