"""What people type and press in this room's own pages."""

from django import forms

from mapping.models import ErpItem, Listing, Seller
from sync.models import Carrier, CarrierMapping


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


class CarrierForm(forms.Form):
    """Which of Marketplacer's carriers one of the ERP's is."""

    mapping = forms.ModelChoiceField(CarrierMapping.objects.all(), widget=forms.HiddenInput)
    carrier = forms.ModelChoiceField(
        Carrier.objects.filter(gone_at=None),
        label="Marketplacer's carrier",
        empty_label="Choose one",
    )


class CarrierFileForm(forms.Form):
    """A small CSV file of carriers."""

    file = forms.FileField(label="CSV file", help_text="Up to 200 kB, in UTF-8.")

    def clean_file(self) -> str:
        """The file's text."""
        given = self.cleaned_data["file"]
        if given.size > 200_000:
            raise forms.ValidationError("The file is larger than 200 kB.")
        try:
            text: str = given.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not text in UTF-8.") from None
        return text
