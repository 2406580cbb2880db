from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "mkterp.core"
    label = "core"
    verbose_name = "mkterp"
