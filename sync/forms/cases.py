"""What a person is asked before a case is given away, put aside or commented on."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone

from mkterp.core.models import User
from mkterp.core.periods import month_end

MORNING = 8  # o'clock, in the person's own time


def people_who_work_on_cases() -> Any:
    """The active people whose role lets them do something about a case."""
    return (
        User.objects.filter(is_active=True, groups__permissions__codename="assign_exceptioncase")
        .distinct()
        .order_by("username")
    )


class AssignForm(forms.Form):
    person = forms.ModelChoiceField(queryset=User.objects.none(), empty_label="choose a person")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = people_who_work_on_cases()


class SnoozeForm(forms.Form):
    until = forms.TypedChoiceField(coerce=datetime.fromisoformat)
    note = forms.CharField(
        label="Note", required=False, max_length=500, help_text="What it waits for. Optional."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["until"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = wake_times(timezone.localtime())


def wake_times(now: datetime) -> list[tuple[str, str]]:
    """The mornings on offer, none past the end of the accounting month, which is the last."""
    end = month_end(now, settings.COMPANY_TIME_ZONE)
    today = now.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    to_monday = 7 - now.weekday()
    mornings = [
        (today + timedelta(days=1), "tomorrow"),
        (today + timedelta(days=3), "in three days"),
        (today + timedelta(days=to_monday), "next Monday"),
    ]
    offered = [
        (morning.isoformat(), f"{word}, {morning:%a %d %b %H:%M}")
        for morning, word in sorted(mornings)
        if morning < end
    ]
    local = timezone.localtime(end)
    return [*offered, (end.isoformat(), f"the period’s end, {local:%a %d %b %H:%M}")]


class CommentForm(forms.Form):
    text = forms.CharField(
        label="Comment",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
        help_text="It stays in the history for good. Leave out buyers’ names and addresses.",
    )
