from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db.backends.signals import connection_created
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
        connection_created.connect(_ask_for_life, dispatch_uid="core.ask_for_life")
        post_migrate.connect(_sync_roles, sender=last, dispatch_uid="core.sync_roles")
        if settings.TRACES_ENDPOINT:
            # Its libraries take time to import.
            from mkterp.core import tracing  # noqa: PLC0415

            tracing.start()


def _sync_roles(**_: Any) -> None:
    """After every migration the groups are what the role table says."""
    # Models are importable only once the apps are ready.
    from mkterp.core import roles  # noqa: PLC0415

    roles.sync_roles(strict=False)


def _ask_for_life(*, connection: Any, **_: Any) -> None:
    """The server asks a silent client whether it lives, and ends its session if it does not.

    A host that vanishes says no goodbye: its sessions, and the places in lanes they hold, would
    stay for the two hours that are usual. While an answer to it is on its way the server asks
    nothing and sends that again, for a quarter of an hour unless it has a limit.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;"
            " SET tcp_keepalives_count = 3; SET tcp_user_timeout = 60000"
        )
