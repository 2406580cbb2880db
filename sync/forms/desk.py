"""What people type at the workbench and on the pages of the registry."""

from typing import Any

from django import forms

from mapping.models import ErpItem, Listing, Seller, SkuMapping


class DeskForm(forms.Form):
    """The address of the workbench. Nothing is required; what makes no sense is left out."""

    seller = forms.ModelChoiceField(
        Seller.objects.filter(deleted=False), required=False, empty_label="All sellers"
    )
    q = forms.CharField(required=False, max_length=200, label="SKU or title")
    listing = forms.ModelChoiceField(
        Listing.objects.select_related("seller"), required=False, widget=forms.HiddenInput
    )
    find = forms.CharField(required=False, max_length=200, label="Search the item master")
    show = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    asked = forms.BooleanField(required=False, widget=forms.HiddenInput)


class ApproveForm(forms.Form):
    """This listing is so many of that item."""

    listing = forms.ModelChoiceField(Listing.objects.all())
    item = forms.ModelChoiceField(ErpItem.objects.all())
    pack_quantity = forms.IntegerField(
        required=False, min_value=1, max_value=1000, label="Pieces in one"
    )


class RejectForm(forms.Form):
    """This listing is not that item; without an item it is none of those shown."""

    listing = forms.ModelChoiceField(Listing.objects.all())
    reject = forms.ModelChoiceField(ErpItem.objects.all(), required=False)


class ListingForm(forms.Form):
    """What is said of a listing alone."""

    listing = forms.ModelChoiceField(Listing.objects.all())
    note = forms.CharField(required=False, max_length=500)


class CarryForm(forms.Form):
    """The listing is a mapped one under a new variant id."""

    listing = forms.ModelChoiceField(Listing.objects.all())
    mapping = forms.ModelChoiceField(SkuMapping.objects.select_related("listing", "item"))


class BulkForm(forms.Form):
    """How sure is sure enough, and where."""

    at_least = forms.IntegerField(
        min_value=50, max_value=99, initial=95, label="At least", help_text="per cent sure"
    )
    seller = forms.ModelChoiceField(
        Seller.objects.filter(deleted=False), required=False, empty_label="All sellers"
    )


class ItemField(forms.CharField):
    """The code of an active ERP item, as people type it."""

    def clean(self, value: Any) -> ErpItem:
        code = super().clean(value)
        found = list(ErpItem.objects.filter(active=True, sku__iexact=code).order_by("pk")[:2])
        if not found:
            raise forms.ValidationError(f"{code} is not an active item of the ERP.")
        if len(found) > 1:
            raise forms.ValidationError(f"{code} is twice in the ERP; have it put right there.")
        return found[0]


class ChangeForm(forms.Form):
    """From when a mapping changes, and why. `sure` comes with the second press."""

    moment = forms.DateTimeField(
        required=False,
        label="From",
        help_text="Empty: from now on.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    correct_earlier = forms.BooleanField(
        required=False, label="It was never right: also correct earlier orders"
    )
    reason = forms.CharField(max_length=500, label="Why")
    sure = forms.BooleanField(required=False, widget=forms.HiddenInput)


class RemapForm(ChangeForm):
    item = ItemField(max_length=200, label="ERP item", help_text="Its code in the ERP.")
    pack_quantity = forms.IntegerField(min_value=1, max_value=1000, label="Pieces in one")
    field_order = ("item", "pack_quantity", "moment", "correct_earlier", "reason", "sure")


class RetireForm(ChangeForm):
    """The listing is not sold as that item any more, or never was."""


class JudgeForm(forms.Form):
    judgement = forms.ChoiceField(
        choices=[(word, word) for word in ("left", "right", "different", "open")]
    )
    reason = forms.CharField(required=False, max_length=500)


class TaxForm(forms.Form):
    """What a marketplace rate in a country is in the ERP. Rates are fractions: 0.2 is 20 %."""

    country = forms.RegexField(
        r"^[A-Za-z]{2}$", label="Delivered to", error_messages={"invalid": "Two letters: GB."}
    )
    marketplace_rate = forms.DecimalField(
        min_value=0, max_value=1, max_digits=7, decimal_places=4, label="Marketplace rate"
    )
    erp_code = forms.CharField(max_length=100, label="ERP tax")
    erp_rate = forms.DecimalField(
        min_value=0, max_value=1, max_digits=7, decimal_places=4, label="ERP rate"
    )
    region = forms.CharField(required=False, max_length=10, label="Region")
    origin = forms.RegexField(r"^[A-Za-z]{2}$", required=False, label="Sent from")
    item_class = forms.CharField(required=False, max_length=60, label="Item class")
    exemption = forms.CharField(required=False, max_length=60, label="Exemption")
    moment = forms.DateTimeField(
        required=False,
        label="From",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    reason = forms.CharField(max_length=500, label="Why")

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def clean_origin(self) -> str:
        return str(self.cleaned_data["origin"]).upper()
