"""The audit trail for people: an entry in words, what it is about, and where that is shown."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Q, QuerySet
from django.urls import resolve, reverse

from mkterp.core import roles
from mkterp.core.models import AuditEntry, KindOf
from sync.models import Invoice

# Kinds that people call by a number of their own.
PREFIXES = {
    "sync.exceptioncase": "EX-",
    "reconciliation.journal": "TJ-",
    "reconciliation.taxadjustment": "TA-",
}
# The page that shows a row of a kind.
PAGES = {
    "core.accountingperiod": "reconciliation:close-period",
    "core.user": "access:person",
    "mapping.importedfile": "mapping:import",
    "mapping.seller": "mapping:seller",
    "reconciliation.journal": "reconciliation:journal-panel",
    "reconciliation.taxadjustment": "reconciliation:adjustment-panel",
    "sync.correction": "sync:refund-panel",
    "sync.exceptioncase": "sync:exception",
    "sync.inboxmessage": "sync:inbox-message-panel",
    "sync.invoice": "sync:order",
    "sync.outboxmessage": "sync:outbox-message-panel",
    "sync.remittanceadvice": "reconciliation:advice",
    "sync.stockhold": "sync:hold",
}
_NUMBERED = re.compile(r"(EX|TJ|TA|INV)-([0-9]{1,18})", re.IGNORECASE)
_SHORT = re.compile(r"\b(api|erp|sku)\b")
_LONGEST = 300  # letters of one value in the panel


def entries() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.select_related("by").order_by("-at", "-id")


def action_words(action: str) -> str:
    """ "case.give-back": "Case: give back"; "taxcodemapping.set": "Tax code mapping: set"."""
    noun, dot, deed = action.partition(".")
    names = {model._meta.model_name: str(model._meta.verbose_name) for model in apps.get_models()}
    known = names.get(noun, noun)
    return _spelt(f"{known}{': ' if dot else ''}{deed}".replace("_", " ").replace("-", " "))


def _spelt(words: str) -> str:
    """With a capital, and short names as people write them."""
    words = _SHORT.sub(lambda found: found[0].upper(), words)
    return words[:1].upper() + words[1:]


def kind_words(kind: str) -> str:
    """ "sync.exceptioncase": "Exception case". A kind that is no more says its old name."""
    try:
        name = str(apps.get_model(kind)._meta.verbose_name)
    except (LookupError, ValueError):
        return kind
    return _spelt(name)


def about(entry: AuditEntry) -> str:
    """The row an entry is about, as people call it."""
    kind, _, key = entry.subject.partition(":")
    return f"{PREFIXES[kind]}{key}" if kind in PREFIXES else f"{kind_words(kind)} {key}"


def page_of(entry: AuditEntry, user: Any) -> str:
    """The address that shows what an entry is about, for who may open it; else ""."""
    kind, _, key = entry.subject.partition(":")
    if kind not in PAGES or not key.isdecimal():
        return ""
    address = reverse(PAGES[kind], kwargs={"key": int(key)})
    permission = roles.permission_of(resolve(address).func)
    return address if permission and user.has_perm(permission) else ""


def changes(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """Each value that an entry names: its name, before, after. What was not named is ""."""
    before, after = _named(entry.before), _named(entry.after)
    return [
        (name.replace("_", " "), _text(before, name), _text(after, name))
        for name in dict.fromkeys((*before, *after))
        if name not in before or name not in after or before[name] != after[name]
    ]


def in_short(entry: AuditEntry) -> str:
    """The changes in one line: "state: OPEN → RESOLVED"."""
    parts = []
    for name, before, after in changes(entry):
        parts.append(f"{name}: {before} → {after}" if before else f"{name}: {after}")
    return "; ".join(parts)


def _named(values: Any) -> Mapping[str, Any]:
    return values if isinstance(values, dict) else {} if values is None else {"value": values}


def _text(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if value is None or text == "":
        return "nothing"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def found(rows: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    """The entries about a number (EX-1, TJ-1, TA-1, INV-1, sync.invoice:1), else those whose reason
    holds every word. The index knows no word of fewer letters than three: nothing is sought by it.
    """
    words = [word for word in text.split() if len(word) > 2]
    if not words:
        return rows.none()
    for word in words:
        if meant := _NUMBERED.fullmatch(word):
            rows = rows.filter(subject__in=_subjects(meant[1].upper(), int(meant[2])))
        elif ":" in word:
            rows = rows.filter(subject=word.lower())
        else:
            # "Not empty" is what the index over reasons asks for.
            rows = rows.filter(~Q(reason=""), reason__icontains=word)
    return rows


def _subjects(prefix: str, number: int) -> list[str]:
    """What an entry about that number calls its row; of an order also its message and its cases."""
    if prefix != "INV":
        return [f"{kind}:{number}" for kind, of in PREFIXES.items() if of == f"{prefix}-"]
    invoices = Invoice.objects.filter(legacy_id=number).prefetch_related("cases").order_by("pk")
    subjects = []
    for invoice in invoices:
        subjects.append(f"sync.invoice:{invoice.pk}")
        subjects += [f"sync.exceptioncase:{case.pk}" for case in invoice.cases.all()]
        if invoice.posting_id:
            subjects.append(f"sync.outboxmessage:{invoice.posting_id}")
    return subjects


def actions() -> list[tuple[str, str]]:
    """Every action there is an entry of, with its words."""
    named = ((one, action_words(one)) for one in _distinct("action"))
    return sorted(named, key=lambda pair: pair[1])


def kinds() -> list[tuple[str, str]]:
    """Every kind of row there is an entry about, with its words."""
    named = ((one, kind_words(one)) for one in _distinct("SPLIT_PART(subject, ':', 1)"))
    return sorted(named, key=lambda pair: pair[1])


def of_kind(rows: QuerySet[AuditEntry], kind: str) -> QuerySet[AuditEntry]:
    return rows.alias(kind=KindOf("subject")).filter(kind=kind)


def _distinct(column: str) -> list[str]:
    """The different values of an indexed column, by one look-up for each: DISTINCT would read
    millions of entries for a few dozen."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE known(value) AS ("
            f"(SELECT {column} FROM core_auditentry ORDER BY {column} LIMIT 1) UNION ALL "
            f"SELECT (SELECT {column} FROM core_auditentry WHERE {column} > known.value "
            f"ORDER BY {column} LIMIT 1) FROM known WHERE known.value IS NOT NULL) "
            "SELECT value FROM known WHERE value IS NOT NULL"
        )
        return [value for (value,) in cursor.fetchall()]
