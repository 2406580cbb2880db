from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from sync.domain.priority import service_levels


class SyncConfig(AppConfig):
    name = "sync"

    def ready(self) -> None:
        try:
            service_levels(settings.SERVICE_LEVEL_HOURS)
        except ValueError as wrong:
            raise ImproperlyConfigured(f"SERVICE_LEVEL_HOURS: {wrong}") from None
        # Models are importable only now, django-q's among them.
        from django_q.signals import post_execute  # noqa: PLC0415  # imports its models

        from mapping.signals import mapping_changed  # noqa: PLC0415
        from sync import receivers  # noqa: PLC0415

        mapping_changed.connect(receivers.release, dispatch_uid="sync.release")
        mapping_changed.connect(receivers.guard_stock, dispatch_uid="sync.guard_stock")
        post_execute.connect(receivers.task_ended, dispatch_uid="sync.task_ended")
