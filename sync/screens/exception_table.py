# mypy: allow-subclassing-any
"""How exceptions look in their list: columns and filters."""

from datetime import datetime
from typing import Any

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from mkterp.core.models import AccountingPeriod, User
from mkterp.core.screens import marks, words
from mkterp.core.screens.columns import AgeColumn, Column, MoneyColumn, NumberColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from mkterp.core.screens.marks import strong
from sync import selectors
from sync.domain import priority
from sync.domain.cases import KINDS, CaseKind
from sync.models import ExceptionCase
from sync.screens import badges
from sync.services.sweeping import bounds

State = ExceptionCase.State
BAR = 50  # pixels for a hundred points


def label_of(case: ExceptionCase) -> str:
    return KINDS[CaseKind(case.kind)].label


def arithmetic(case: ExceptionCase) -> list[dict[str, Any]]:
    """The parts of a priority: points, the most there are, fill, and what they stand for.

    `counted` is the sum that the money's points come from: the larger of the two there can be.
    """
    parts = (
        ("catalogue", case.points_catalogue, 3 * priority.CATALOGUE_STEP, "f-accent"),
        ("close", case.points_close, 3 * priority.CLOSE_STEP, "f-move"),
        ("money", case.points_money, priority.MONEY_MOST, "f-need"),
        ("stock", case.points_stock, 3 * priority.STOCK_STEP, "f-broke"),
        ("days left", case.points_days, priority.DAYS_MOST, "f-wait"),
    )
    return [
        {
            "name": name,
            "points": points,
            "most": most,
            "fill": fill,
            "counted": counted(case) if name == "money" else "",
        }
        for name, points, most, fill in parts
    ]


def counted(case: ExceptionCase) -> str:
    """ "£10,000.00 differs" or "3 orders, £250.00": what the points for money were given for."""
    at_stake = case.at_stake
    if at_stake is not None and at_stake.amount > case.held_money:
        return at_stake_text(case)
    if not case.held_orders:
        return ""
    held = words.money_text(case.held_money, settings.COMPANY_CURRENCY)
    return f"{words.things(case.held_orders, 'order', 'orders')}, {held}"


def at_stake_text(case: ExceptionCase) -> str:
    """ "£10,000.00 differs"; nothing where no sum is at stake."""
    sum_ = case.at_stake
    return f"{words.money_text(sum_.amount, sum_.currency)} differs" if sum_ is not None else ""


def priority_bar(case: ExceptionCase) -> SafeString:
    """A priority: a bar of its parts and its number; the arithmetic in the title."""
    drawn, at = "", 0
    parts = arithmetic(case)
    for part in parts:
        width = part["points"] * BAR // priority.MOST
        drawn += f'<rect class="{part["fill"]}" x="{at}" width="{width}" height="6"/>'
        at += width
    # Nothing but numbers and names of ours, for each row of a list.
    sum_ = " + ".join(f"{part['name']} {part['points']}" for part in parts)
    return mark_safe(
        f'<span class="mk-prio" title="{sum_} = {case.priority}">'
        f'<svg class="mk-chart" width="{BAR}" height="6" aria-hidden="true" focusable="false">'
        f'<rect class="f-track" width="{BAR}" height="6"/>{drawn}</svg>'
        f"<b>{case.priority}</b></span>"
    )


class PriorityColumn(Column):
    """How urgent, as a bar of its parts and a number."""

    big_first = True

    def render(self, record: ExceptionCase) -> SafeString:
        return priority_bar(record)

    def value(self, value: int) -> int:
        return value


class CauseColumn(Column):
    """The kind of an exception in bold, then its cause in one sentence."""

    def render(self, value: str, record: ExceptionCase) -> SafeString:
        return strong(label_of(record), value)

    def value(self, value: str, record: ExceptionCase) -> str:
        return f"{label_of(record)}: {value}"


class AtStakeColumn(Column):
    """By how much the two sides differ: no order's money, so it has a column of its own."""

    big_first = True

    def render(self, record: ExceptionCase) -> SafeString:
        sum_ = record.at_stake
        if sum_ is None:
            return mark_safe(f'<span class="mut dash">{self.empty}</span>')
        return marks.money(sum_.amount, sum_.currency)

    def value(self, record: ExceptionCase) -> str:
        """With its currency: unlike the orders' money it may be of any."""
        return "" if record.at_stake is None else str(record.at_stake)


class DueColumn(Column):
    """How long is left of the service level; what is over says so, in red and in words."""

    def render(self, value: datetime, record: ExceptionCase) -> SafeString:
        if record.state != State.OPEN:
            return mark_safe(f'<span class="mut dash">{self.empty}</span>')
        now = timezone.now()
        text = words.age_text(value, now)
        late = value <= now
        css, text = ("neg", f"{text} over") if late else ("", text)
        title = f"{timezone.localtime(value):%a %d %b %H:%M}"
        return mark_safe(f'<span class="{css}" title="{title}">{text}</span>')

    def value(self, value: datetime) -> datetime:
        return value


class CaseFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=State.choices, empty_label="any")
    kind = AnyOf(choices=[(kind.value, facts.label) for kind, facts in KINDS.items()])
    assigned_to = filters.ModelChoiceFilter(
        queryset=User.objects.filter(is_active=True).order_by("username"),
        empty_label="anybody",
        label="Assigned to",
        null_label="nobody",
    )
    least = filters.NumberFilter(
        field_name="priority", lookup_expr="gte", label="Priority at least", min_value=0
    )
    blocks = filters.BooleanFilter(method="by_blocks", label="Blocks orders")
    asleep = filters.BooleanFilter(method="by_asleep", label="Snoozed")
    overdue = filters.BooleanFilter(method="by_overdue", label="Over its service level")
    opened_at = filters.DateFromToRangeFilter(label="Opened")
    touches = filters.ModelChoiceFilter(
        queryset=AccountingPeriod.objects.order_by("-start"),
        method="by_period",
        label="Touches the period",
        empty_label="any",
    )
    closed = filters.ChoiceFilter(
        choices=[("today", "today")], method="by_closed", label="Closed", empty_label="any time"
    )

    class Meta:
        model = ExceptionCase
        fields = ["state", "kind", "assigned_to"]

    def by_blocks(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        # What a closed case last weighed stays on its row, and holds up nothing.
        holds = Q(state=State.OPEN, held_orders__gt=0)
        return rows.filter(holds) if value else rows.exclude(holds)

    def by_asleep(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        now = Now()
        return rows.filter(selectors.asleep(at=now) if value else selectors.awake(at=now))

    def by_overdue(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        late = Q(state=State.OPEN, due_at__lte=Now())
        return rows.filter(late) if value else rows.exclude(late)

    def by_period(self, rows: QuerySet[Any], name: str, value: AccountingPeriod) -> QuerySet[Any]:
        start, end = bounds(value.start)[0], bounds(value.end)[1]
        return rows.filter(selectors.touching(start=start, end=end))

    def by_closed(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return rows.filter(closed_at__gte=midnight)


class CaseTable(tables.Table):
    priority = PriorityColumn(verbose_name="Priority", narrow="hide")
    cause = CauseColumn(verbose_name="Exception", narrow="lead", css="c-lead")
    blocked_money = MoneyColumn(verbose_name="Blocks", currency=settings.COMPANY_CURRENCY)
    at_stake = AtStakeColumn(
        verbose_name="Differs", accessor="at_stake_minor", narrow="sub", css="n"
    )
    blocked_orders = NumberColumn(verbose_name="Orders", narrow="hide", wide=True)
    opened_at = AgeColumn(verbose_name="Age")
    due_at = DueColumn(verbose_name="Due", narrow="hide", wide=True, css="n sub-ink")
    assigned_to = Column(verbose_name="Assigned", narrow="hide", wide=True)
    state = StateColumn(badges.CASE, accessor="stage")
