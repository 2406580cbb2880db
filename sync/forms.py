"""What people type and press in this room's own pages."""

from django import forms

from mapping.models import ErpItem, Listing, Seller


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


class ApproveForm(forms.Form):
    """This listing is so many of that item."""

    listing = forms.ModelChoiceField(Listing.objects.all())
    item = forms.ModelChoiceField(ErpItem.objects.all())
    pack_quantity = forms.IntegerField(
        required=False, min_value=1, max_value=1000, label="Pieces in one"
    )
