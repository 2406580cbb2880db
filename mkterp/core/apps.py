from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "mkterp.core"
    label = "core"
    verbose_name = "mkterp"

    def ready(self) -> None:
        # Importing them connects them.
        from mkterp.core.access import receivers  # noqa: F401, PLC0415

        # Sent once for each app, in their order: at the last, every permission is there.
        last = [config for config in apps.get_app_configs() if config.models_module][-1]
        post_migrate.connect(_sync_roles, sender=last, dispatch_uid="core.sync_roles")


def _sync_roles(**_: Any) -> None:
    """After every migration the groups are what the role table says."""
    # Models are importable only once the apps are ready.
    from mkterp.core import roles  # noqa: PLC0415

    roles.sync_roles(strict=False)
