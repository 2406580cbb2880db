"""The addresses of this room."""

from django.urls import path

from reconciliation import views
from reconciliation.screens import (
    ADJUSTMENTS,
    ADVICES,
    BANK_FILES,
    BANK_LINES,
    CLEARING,
    COMPLETENESS,
    DISCREPANCIES,
    ENTRIES,
    GATEWAY_LINES,
    JOURNALS,
    RESIDUES,
)
from reconciliation.views import close

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
    *ADJUSTMENTS.urls("finance/adjustments/"),
    *JOURNALS.urls("finance/journals/"),
    path("finance/clearing/write-off/", views.write_off, name="write-off"),
    *CLEARING.urls("finance/clearing/"),
    *DISCREPANCIES.urls("finance/differences/"),
    path("finance/tolerances/", views.tolerances, name="tolerances"),
    path("finance/tolerances/set/", views.tolerance_set, name="tolerance-set"),
    *COMPLETENESS.urls("finance/completeness/"),
    path("close/", close.current, name="close"),
    path("close/<int:key>/", close.show, name="close-period"),
    path("close/<int:key>/sign/", close.sign, name="close-sign"),
    path("close/<int:key>/close/", close.close_period, name="close-close"),
    path("close/<int:key>/reopen/", close.reopen, name="close-reopen"),
    path("close/<int:key>/assign/", close.assign, name="close-assign"),
    path("close/<int:key>/evidence/", close.pack, name="evidence"),
    path("close/late/<int:key>/next/", close.late_next, name="late-next"),
]
