"""The addresses of this room."""

from mapping.screens import MAPPINGS, SELLERS

app_name = "mapping"

urlpatterns = [*MAPPINGS.urls("mappings/"), *SELLERS.urls("sellers/")]
