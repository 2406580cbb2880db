"""What an administrator types about stock."""

from django import forms

from mapping.models import ErpItem, Seller
from sync.models import SafetyRule
from sync.services.stock_rules import CHOICES


def _number(name: str, label: str, help_text: str, *, whole: bool = True) -> forms.Field:
    least, most = CHOICES[name]
    if whole:
        return forms.IntegerField(
            label=label, help_text=help_text, min_value=int(least), max_value=int(most)
        )
    return forms.FloatField(label=label, help_text=help_text, min_value=least, max_value=most)


class CadenceForm(forms.Form):
    """The budget of calls, and from when on a run of changes waits for a person."""

    calls_per_hour = _number(
        "calls_per_hour", "Calls an hour", "For stock alone. Rate limits are obeyed besides."
    )
    longest_wait_hours = _number(
        "longest_wait_hours",
        "Longest wait, hours",
        "Nothing that changed waits longer, whatever it is worth.",
        whole=False,
    )
    read_back_seconds = _number(
        "read_back_seconds", "Read back after, seconds", "How long after a level was told."
    )
    zero_count = _number("zero_count", "Hold from so many at zero", "In one run and the last hour.")
    zero_share = _number(
        "zero_share",
        "and from this share of ours",
        "0.05 is one in twenty. Both must be reached.",
        whole=False,
    )
    fall_units = _number("fall_units", "Hold a fall from so many pieces", "In one run.")
    fall_share = _number(
        "fall_share", "and from this share of all", "Both must be reached.", whole=False
    )
    reason = forms.CharField(label="Why", max_length=500)


class SafetyForm(forms.Form):
    """So many units kept back, of what."""

    scope = forms.ChoiceField(choices=SafetyRule.Scope.choices, label="Of")
    seller = forms.ModelChoiceField(
        Seller.objects.filter(deleted=False), required=False, empty_label="no seller"
    )
    brand = forms.CharField(required=False, max_length=200)
    item = forms.CharField(required=False, max_length=200, label="Item (ERP SKU)")
    quantity = forms.DecimalField(
        min_value=0, max_value=1_000_000, decimal_places=0, label="Units kept back"
    )
    reason = forms.CharField(label="Why", max_length=500)

    def clean(self) -> dict[str, object]:
        given: dict[str, object] = super().clean() or {}
        scope = given.get("scope")
        for name in ("seller", "brand", "item"):
            if scope == name.upper() and not given.get(name):
                self.add_error(name, "Say which one.")
            if scope != name.upper():
                given[name] = "" if name == "brand" else None
        if given.get("item"):
            item = ErpItem.objects.filter(sku__iexact=given["item"], active=True).order_by("pk")
            given["item"] = item.first()
            if given["item"] is None:
                self.add_error("item", "The ERP has no active item of that SKU.")
        return given
