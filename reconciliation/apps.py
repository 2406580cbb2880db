from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "reconciliation"

    def ready(self) -> None:
        # Models are importable only now.
        from reconciliation import receivers  # noqa: PLC0415
        from sync.signals import message_delivered  # noqa: PLC0415

        message_delivered.connect(
            receivers.journal_delivered, dispatch_uid="reconciliation.journal_delivered"
        )
