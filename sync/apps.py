from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "sync"

    def ready(self) -> None:
        # Models are importable only now.
        from mapping.signals import mapping_changed  # noqa: PLC0415
        from sync import receivers  # noqa: PLC0415

        mapping_changed.connect(receivers.release, dispatch_uid="sync.release")
        mapping_changed.connect(receivers.guard_stock, dispatch_uid="sync.guard_stock")
