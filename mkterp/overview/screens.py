# mypy: allow-subclassing-any
"""The audit trail: who did what to which row, from the newest on. Nothing here can be changed."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mkterp.core import seals
from mkterp.core.models import AuditEntry, User
from mkterp.core.screens import Empty, ListScreen
from mkterp.core.screens.columns import Column, LeadColumn, TimeColumn
from mkterp.overview import trail

SYSTEM = "the system"


class TrailFilters(filters.FilterSet):
    by = filters.ModelChoiceFilter(
        queryset=User.objects.order_by("username"),
        empty_label="anybody",
        null_label=SYSTEM,
        label="By whom",
    )
    action = filters.ChoiceFilter(choices=trail.actions, empty_label="any", label="Done")
    kind = filters.ChoiceFilter(
        choices=trail.kinds, empty_label="anything", label="On what", method="of_kind"
    )
    at = filters.DateFromToRangeFilter(label="Day")

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = []

    def of_kind(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return trail.of_kind(rows, value)


class TrailTable(tables.Table):
    action = LeadColumn(verbose_name="Done")
    about = Column(accessor="subject", verbose_name="On what", css="nw")
    by = Column(verbose_name="By whom", empty_values=())
    change = Column(
        accessor="pk", verbose_name="Change", narrow="hide", wide=True, css="c-lead sub-ink"
    )
    reason = Column(verbose_name="Why", narrow="hide", wide=True, css="c-lead sub-ink")
    at = TimeColumn(verbose_name="When", css="nw")

    def render_action(self, value: str, record: AuditEntry, column: Any) -> Any:
        return column.render(trail.action_words(value), record)

    def value_action(self, value: str) -> str:
        return value

    def render_about(self, record: AuditEntry) -> str:
        return trail.about(record)

    def render_by(self, record: AuditEntry) -> str:
        return str(record.by) if record.by else SYSTEM

    def render_change(self, record: AuditEntry) -> str:
        return trail.in_short(record) or Column.empty

    def value_change(self, record: AuditEntry) -> str:
        return trail.in_short(record)


class AuditTrail(ListScreen):
    name, noun, nouns = "audit", "audit entry", "audit entries"
    title, icon = "Audit trail", "shield"
    permission = "core.view_auditentry"
    handbook = "data/audit"
    table, filters = TrailTable, TrailFilters
    searches = True
    orderings: ClassVar = {"at": ("at", "id")}
    order = "-at"
    above_template = "overview/_audit_band.html"
    panel_template = "overview/_audit_panel.html"
    empty = Empty(
        "Nothing has been done yet",
        "Every sign-in, and whatever a person or the system decides, stands here with name, time "
        "and reason. Nothing is ever taken out.",
        "shield",
    )

    def rows(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return trail.entries()

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return trail.found(rows, text)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"chain": seals.standing()}

    def row_title(self, row: AuditEntry) -> str:
        return f"{trail.action_words(row.action)}, {trail.about(row)}"

    def panel_context(self, request: HttpRequest, row: AuditEntry) -> dict[str, Any]:
        return {
            "done": trail.action_words(row.action),
            "who": str(row.by) if row.by else SYSTEM,
            "about": trail.about(row),
            "page": trail.page_of(row, request.user),
            "changes": trail.changes(row),
            "seal": getattr(row, "seal", None),
        }


AUDIT_TRAIL = AuditTrail()
