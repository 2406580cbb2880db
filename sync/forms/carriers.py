"""What people say of carriers."""

from django import forms

from sync.models import Carrier, CarrierMapping


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
