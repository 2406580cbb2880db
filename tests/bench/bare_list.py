"""The orders as django-tables2 and Django's paginator show them by themselves: a table, no more."""

import os

import django
import django_tables2 as tables
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mkterp.settings")
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]  # allauth insists
django.setup()

from sync.models import Invoice  # noqa: E402 - models exist only once Django is set up

PAGE = 50


class Orders(tables.Table):
    class Meta:
        model = Invoice
        fields = (
            "legacy_id", "order__legacy_id", "seller_name", "placed_at", "gross",
            "erp_document__number", "state", "ship_to_country",
        )  # fmt: skip
        orderable = False


def show(request):
    rows = Invoice.objects.select_related("order", "erp_document").order_by("-placed_at", "-id")
    table = Orders(rows)
    table.paginate(page=int(request.GET["page"]), per_page=PAGE)
    return HttpResponse(table.as_html(request))


urlpatterns = [path("", show)]
application = get_wsgi_application()
