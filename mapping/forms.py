"""What people type in this room's own pages."""

from typing import Any

from django import forms

from mapping.models import (
    FulfilmentRule,
    ListingOwnership,
    OwnershipRule,
    SellerTreatment,
    ShippingTaxPolicy,
)
from mapping.services.imports import REGISTERS
from mapping.services.ownership import ATTRIBUTES, PERMISSIONS

KEEP = [("", "as it is")]
MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"})


class SellerRulesForm(forms.Form):
    """What is said of a seller from a moment on; what stays empty stays as it is.

    It holds what this person may say.
    """

    stock_owner = forms.ChoiceField(
        choices=[*KEEP, *OwnershipRule.Owner.choices],
        required=False,
        label="Who keeps the stock",
        help_text="Seller: mkterp never writes it, not even a zero.",
    )
    fulfilled_by = forms.ChoiceField(
        choices=[*KEEP, *FulfilmentRule.By.choices], required=False, label="Who dispatches"
    )
    treatment = forms.ChoiceField(
        choices=[*KEEP, *SellerTreatment.Treatment.choices], required=False, label="Whose sale"
    )
    moment = forms.DateTimeField(
        required=False, label="From", help_text="Empty: from now on.", widget=MOMENT
    )
    reason = forms.CharField(max_length=500, label="Why")
    sure = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, by: Any, data: Any = None) -> None:
        super().__init__(data)
        for name, permission in PERMISSIONS.items():
            if not by.has_perm(permission):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if not any(told.get(name) for name in ATTRIBUTES):
            raise forms.ValidationError("Choose what is to change.")
        return told

    @property
    def changes(self) -> dict[str, str]:
        return {name: value for name in ATTRIBUTES if (value := self.cleaned_data.get(name))}


class ListingRuleForm(forms.Form):
    """Whose stock some listings of the seller are."""

    scope = forms.ChoiceField(choices=ListingOwnership.Scope.choices, label="About")
    value = forms.CharField(
        max_length=200,
        label="Which",
        help_text="The variant's number, the brand, or how the SKUs begin.",
    )
    owner = forms.ChoiceField(choices=ListingOwnership.Owner.choices, label="Who keeps the stock")
    moment = forms.DateTimeField(
        required=False, label="From", help_text="Empty: from now on.", widget=MOMENT
    )
    reason = forms.CharField(max_length=500, label="Why")
    sure = forms.BooleanField(required=False, widget=forms.HiddenInput)


class EndRuleForm(forms.Form):
    rule = forms.ModelChoiceField(ListingOwnership.objects.all())
    reason = forms.CharField(max_length=500, label="Why")


class AutoMapForm(forms.Form):
    on = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=500, label="Why")


class DefaultForm(forms.Form):
    """Whose stock it is at sellers of whom nobody has said anything."""

    owner = forms.ChoiceField(
        choices=[
            ("", "nobody's: not ours, never written"),
            *[c for c in OwnershipRule.Owner.choices if c[0] != "mixed"],
        ],
        required=False,
        label="Who keeps the stock",
    )
    reason = forms.CharField(max_length=500, label="Why")
    sure = forms.BooleanField(required=False, widget=forms.HiddenInput)


class AccountForm(forms.Form):
    """Which ERP account plays a role."""

    role = forms.CharField(max_length=60)
    event = forms.CharField(max_length=60, required=False, help_text="Empty: in every event.")
    erp_account = forms.CharField(max_length=100, label="ERP account")
    moment = forms.DateTimeField(
        required=False, label="From", help_text="Empty: from now on.", widget=MOMENT
    )
    reason = forms.CharField(max_length=500, label="Why")


class ShippingForm(forms.Form):
    """How the ERP taxes shipping to a country."""

    country = forms.CharField(max_length=2)
    rule = forms.ChoiceField(choices=ShippingTaxPolicy.Rule.choices)
    spread = forms.ChoiceField(choices=ShippingTaxPolicy.Spread.choices)
    flat_rate = forms.DecimalField(required=False, min_value=0, max_value=1, decimal_places=4)
    bound_minor = forms.IntegerField(min_value=0, max_value=1_000, label="Bound")
    moment = forms.DateTimeField(
        required=False, label="From", help_text="Empty: from now on.", widget=MOMENT
    )
    reason = forms.CharField(max_length=500, label="Why")


NAMES = {
    "mappings": "Mappings: which listing is which item",
    "sellers": "Sellers: whose stock, whose dispatch, whose sale",
    "stock-rules": "Stock rules: whose stock some listings of a seller are",
    "tax-codes": "Tax codes",
    "accounts": "Accounts",
    "duplicates": "Duplicate items: which one to keep",
}


class UploadForm(forms.Form):
    """A file and the registry it is for."""

    kind = forms.ChoiceField(choices=[(name, NAMES[name]) for name in REGISTERS], label="Into")
    file = forms.FileField(label="CSV or XLSX file", help_text="Checked first; nothing changes.")

    def __init__(self, *args: Any, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["kind"]
        field.choices = [(name, NAMES[name]) for name in kinds]


class ApplyForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Why")
    leave_bad = forms.BooleanField(required=False, label="Leave the bad rows out")
