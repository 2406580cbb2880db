"""What people type in this room's own pages."""

from typing import Any

from django import forms

from mapping.models import Seller
from reconciliation.models import BankFile, DifferenceRule
from reconciliation.services import tolerances
from reconciliation.services.rules import Wanted

SPANS = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("3650", "ever"))


class LoadForm(forms.Form):
    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        help_text="A bank statement (CSV or CAMT.053), or the payment gateway's payouts (CSV).",
    )


class ReadForm(forms.Form):
    """How a file is read; empty: as it looks, or as the account's last one was."""

    kind = forms.ChoiceField(
        choices=[("", "as it looks"), *BankFile.Kind.choices], required=False, label="It is a"
    )
    account = forms.CharField(max_length=60, required=False, label="Account")
    days = forms.ChoiceField(
        choices=[("first", "day first: 31/12"), ("month", "month first: 12/31")],
        required=False,
        label="Days are written",
    )


class MatchForm(forms.Form):
    line = forms.IntegerField(min_value=1)
    reason = forms.CharField(max_length=500, label="Why")


class UnmatchForm(forms.Form):
    match = forms.IntegerField(min_value=1)
    reason = forms.CharField(max_length=500, label="Why")


class DriftForm(forms.Form):
    seller = forms.ModelChoiceField(
        Seller.objects.all(), required=False, empty_label="all sellers", label="Seller"
    )
    span = forms.ChoiceField(choices=SPANS, required=False, label="Of the last")


class RuleForm(forms.Form):
    """What counts as agreed, from a day on."""

    valid_from = forms.DateField(
        required=False,
        label="From",
        help_text="Documents of that day on. Empty: all there ever were.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    tolerance_minor = forms.IntegerField(
        min_value=0, max_value=100_000, label="Remitted may differ by (pence)",
        help_text="0 wants the penny.",
    )  # fmt: skip
    bank_tolerance_minor = forms.IntegerField(
        min_value=0, max_value=100_000, label="Paid may differ by (pence)"
    )
    bank_window_days = forms.IntegerField(
        min_value=1, max_value=400, label="Days from advice to payment, at most"
    )
    match_by_amount = forms.BooleanField(
        required=False, label="An equal amount may match without a reference"
    )
    grace_days = forms.IntegerField(
        min_value=0, max_value=400, label="Days until a missing counterpart counts"
    )
    reason = forms.CharField(max_length=500, label="Why")
    sure = forms.BooleanField(required=False, widget=forms.HiddenInput)

    @property
    def wanted(self) -> Wanted:
        told: dict[str, Any] = self.cleaned_data
        return Wanted(**{name: told[name] for name in Wanted.__dataclass_fields__})


class ToleranceForm(forms.Form):
    """What may differ without a person, from a day on."""

    about = forms.ChoiceField(choices=DifferenceRule.About.choices, label="About")
    currency = forms.CharField(max_length=3, label="Currency")
    country = forms.CharField(
        max_length=2,
        required=False,
        label="Destination",
        help_text="Two letters, like GB. Empty: every other country.",
    )
    base_minor = forms.IntegerField(
        min_value=0, max_value=1_000_000, label="A document may differ by (pence)",
        help_text="In the currency's smallest unit. 0 wants the penny.",
    )  # fmt: skip
    per_line_minor = forms.IntegerField(
        min_value=0, max_value=10_000, label="And for each line by (pence)"
    )
    books_tax = forms.BooleanField(
        required=False,
        label="Book it: prepare an adjustment where the tax of the same sum differs",
    )
    valid_from = forms.DateField(
        required=False,
        label="From",
        help_text="Documents of that day on. Empty: all there ever were.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reason = forms.CharField(max_length=500, label="Why")

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).strip().upper()

    @property
    def wanted(self) -> tolerances.Wanted:
        told: dict[str, Any] = self.cleaned_data
        return tolerances.Wanted(
            **{name: told[name] for name in tolerances.Wanted.__dataclass_fields__}
        )


class WriteOffForm(forms.Form):
    """A clearing balance that goes to profit and loss."""

    amount = forms.DecimalField(
        max_digits=12, decimal_places=3, label="Amount",
        help_text="As the balance stands: a credit with a minus.",
    )  # fmt: skip
    day = forms.DateField(label="Dated", widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(max_length=500, label="Why")
