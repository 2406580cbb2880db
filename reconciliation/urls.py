"""The addresses of this room."""

from django.urls import path

from reconciliation import views
from reconciliation.screens import (
    ADVICES,
    BANK_FILES,
    BANK_LINES,
    ENTRIES,
    GATEWAY_LINES,
    RESIDUES,
)

app_name = "reconciliation"

urlpatterns = [
    path("settlement/match-now/", views.match_now, name="match-now"),
    path("settlement/drift/", views.drift, name="drift"),
    path("settlement/rules/", views.matching_rules, name="matching-rules"),
    path("settlement/rules/set/", views.set_matching_rule, name="matching-rule-set"),
    *RESIDUES.urls("settlement/differences/"),
    *ENTRIES.urls("settlement/entries/"),
    path("settlement/<int:key>/match/", views.match, name="advice-match"),
    path("settlement/<int:key>/unmatch/", views.unmatch, name="advice-unmatch"),
    *ADVICES.urls("settlement/"),
    path("bank/load/", views.load, name="bank-load"),
    path("bank/load/<int:key>/", views.read_file, name="bank-upload"),
    path("bank/load/<int:key>/take/", views.take_file, name="bank-upload-take"),
    *BANK_FILES.urls("bank/files/"),
    *GATEWAY_LINES.urls("bank/gateway/"),
    *BANK_LINES.urls("bank/"),
]
