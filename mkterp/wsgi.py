"""The web entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from mkterp import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mkterp.settings")
postgres.ensure_running()
application = get_wsgi_application()
