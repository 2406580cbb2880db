"""What people choose about notifications."""

from typing import Any

from django import forms

from sync.domain.notices import PERSONAL, RHYTHMS, SEVERITIES, TOPICS, Rhythm, Topic, Wish
from sync.models import Channel
from sync.services.notices_desk import NAME_RULE

_TOPICS = [
    (str(topic), f"{facts.label}: {facts.meaning}")
    for topic, facts in TOPICS.items()
    if topic not in PERSONAL
]
_RHYTHMS = [(str(rhythm), label) for rhythm, label in RHYTHMS.items()]


class ChannelForm(forms.Form):
    """A channel. Its address is not typed here: only the name of the variable that holds it."""

    name = forms.CharField(
        max_length=60, label="Name", help_text="What people call it: “Ops room”."
    )
    kind = forms.ChoiceField(choices=Channel.Kind.choices, label="Leads to")
    address_name = forms.CharField(
        max_length=60,
        label="Variable that holds the address",
        help_text=f"{NAME_RULE} The address itself is a secret and stays on the servers.",
    )
    secret_name = forms.CharField(
        max_length=60,
        required=False,
        label="Variable that holds the secret",
        help_text="Only for a signed webhook: NOTIFY_OPS_SECRET.",
    )
    topics = forms.MultipleChoiceField(
        choices=_TOPICS, widget=forms.CheckboxSelectMultiple, label="What is told"
    )
    least_severity = forms.TypedChoiceField(
        choices=list(SEVERITIES.items()), coerce=int, initial=2, label="From which severity on"
    )
    rhythm = forms.ChoiceField(choices=_RHYTHMS[:2], label="How soon")
    reason = forms.CharField(max_length=500, label="Why?")


class WishesForm(forms.Form):
    """For each topic how soon, and from which severity on."""

    def __init__(self, *args: Any, wishes: dict[Topic, Wish], **options: Any) -> None:
        super().__init__(*args, **options)
        for topic, wish in wishes.items():
            label = TOPICS[topic].label
            self.fields[f"{topic}_rhythm"] = forms.ChoiceField(
                choices=_RHYTHMS, initial=str(wish.rhythm), label=f"{label}: how soon"
            )
            self.fields[f"{topic}_least"] = forms.TypedChoiceField(
                choices=list(SEVERITIES.items()),
                coerce=int,
                initial=wish.least,
                label=f"{label}: from which severity on",
            )

    @property
    def rows(self) -> list[tuple[str, str, forms.BoundField, forms.BoundField]]:
        """Label, meaning and the two fields of each topic."""
        return [
            (facts.label, facts.meaning, self[f"{topic}_rhythm"], self[f"{topic}_least"])
            for topic, facts in TOPICS.items()
        ]

    @property
    def wishes(self) -> dict[Topic, Wish]:
        told = self.cleaned_data
        return {
            topic: Wish(Rhythm(told[f"{topic}_rhythm"]), told[f"{topic}_least"]) for topic in TOPICS
        }
