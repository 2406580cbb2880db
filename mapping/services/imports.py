"""Files into the registries: checked first, applied in one transaction, all or nothing.

A file is read twice: once to give every row its verdict, once to carry out what it says, in
batches, so that a long file takes no more memory than a short one. See `registers` for the columns.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db import transaction
from django_q.tasks import async_task

from mapping.models import ImportedFile
from mapping.services import tables
from mapping.services.register_mappings import Mappings
from mapping.services.register_rules import (
    Accounts,
    Duplicates,
    Sellers,
    StockRules,
    TaxCodes,
)
from mapping.services.registers import Author, Register, Row, Verdict, bad
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

CHUNK = 2000
SHOWN = 500  # verdicts kept to be read; counts are of all rows
AT_ONCE = 300_000  # bytes that a request checks itself; larger files are a worker's

REGISTERS: dict[str, Callable[[datetime], Register]] = {
    "mappings": Mappings,
    "sellers": Sellers,
    "stock-rules": StockRules,
    "tax-codes": TaxCodes,
    "accounts": Accounts,
    "duplicates": Duplicates,
}
# Who may import into a registry is who may change it by hand.
PERMISSIONS = {
    "mappings": "mapping.confirm_skumapping",
    "sellers": "mapping.change_ownershiprule",
    "stock-rules": "mapping.change_ownershiprule",
    "tax-codes": "mapping.change_taxcodemapping",
    "accounts": "mapping.change_taxcodemapping",
    "duplicates": "mapping.confirm_skumapping",
}
State = ImportedFile.State


@dataclass
class Report:
    """What would become, or became, of a file's rows: counts of all, some verdicts to read."""

    rows: int = 0
    new: int = 0
    unchanged: int = 0
    errors: int = 0
    wrong: list[Verdict] = field(default_factory=list)
    right: list[Verdict] = field(default_factory=list)

    def add(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            self.rows += 1
            self.errors += not verdict.ok
            self.unchanged += verdict.ok and not verdict.new
            self.new += verdict.ok and verdict.new
            kept = self.right if verdict.ok else self.wrong
            if len(kept) < SHOWN:
                kept.append(verdict)

    @property
    def verdicts(self) -> list[Verdict]:
        """Those kept, by row."""
        return sorted([*self.wrong, *self.right], key=lambda verdict: verdict.row)

    @property
    def counts(self) -> dict[str, int]:
        return {"new": self.new, "unchanged": self.unchanged, "errors": self.errors}


def check(*, kind: str, content: bytes, at: datetime) -> Report:
    """A verdict for every row; changes nothing. Refused when the file as a whole makes no sense."""
    report = Report()
    for _, verdicts in _judged(kind, content, at):
        report.add(verdicts)
    return report


@transaction.atomic
def apply(
    *,
    kind: str,
    content: bytes,
    by: User | None,
    at: datetime,
    reason: str,
    leave_bad: bool = False,
) -> Report:
    """Carry out what the file says, in one transaction. A second run finds all unchanged.

    Refused when any row has an error, unless the bad ones are to be left out, and without reason.
    """
    if not reason.strip():
        raise Refused("Say why.")
    author, report = Author(by, at, reason), Report()
    for register, verdicts in _judged(kind, content, at):
        report.add(verdicts)
        if report.errors and not leave_bad:
            continue  # judged to the end, for the count in the refusal
        todo = [verdict for verdict in verdicts if verdict.ok and verdict.new]
        if todo:
            register.carry_out(todo, author)
    if report.errors and not leave_bad:
        first = report.wrong[0]
        raise Refused(
            f"{report.errors} of {report.rows} rows cannot be imported; the first is row "
            f"{first.row}: {first.words} Nothing was changed."
        )
    return report


def _judged(kind: str, content: bytes, at: datetime) -> Iterator[tuple[Register, list[Verdict]]]:
    if kind not in REGISTERS:
        raise Refused(f"There is no registry {kind!r}.")
    register, rows = REGISTERS[kind](at), tables.read(content)
    _, heading = next(rows)
    missing = [name for name in register.required if name not in heading]
    if missing:
        there = ", ".join(filter(None, heading))
        raise Refused(f"The file has no column {', '.join(missing)}. It has {there}.")
    while chunk := list(islice(rows, CHUNK)):
        good = [(number, row) for number, row in chunk if _shape(row) == ""]
        verdicts = register.judge(good)
        verdicts += [bad(number, _shape(row)) for number, row in chunk if _shape(row)]
        yield register, sorted(verdicts, key=lambda verdict: verdict.row)


def _shape(row: Row) -> str:
    """What is wrong with a row before anything is looked up."""
    if beyond := row.get(""):
        return f"It has more cells than the heading: {beyond[:60]!r} stands beyond the last one."
    long = next((name for name, value in row.items() if len(value) > 500), "")
    return f"{long} is longer than 500 characters." if long else ""


# -- files that people upload -------------------------------------------------------------------


@transaction.atomic
def take(*, kind: str, name: str, content: bytes, by: User, at: datetime) -> ImportedFile:
    """Keep an uploaded file and check it: at once when it is small, else a worker does.

    The same bytes again while they wait to be decided on are the same file.
    """
    if kind not in REGISTERS:
        raise Refused(f"There is no registry {kind!r}.")
    if len(content) > tables.MOST_BYTES:
        raise Refused(f"The file is larger than {tables.MOST_BYTES // 1_000_000} MB.")
    digest = hashlib.sha256(content).hexdigest()
    open_ones = [State.WAITING, State.CHECKED, State.APPLYING]
    held = ImportedFile.objects.filter(kind=kind, digest=digest, state__in=open_ones)
    if (known := held.order_by("-pk").first()) is not None:
        return known
    file = ImportedFile.objects.create(
        kind=kind,
        name=name[:200] or "unnamed",
        digest=digest,
        content=content,
        checked_by=by,
        checked_at=at,
    )
    if len(content) <= AT_ONCE:
        return check_file(file=file, at=at)
    async_task("mapping.tasks.check_file", file.pk)
    return file


@transaction.atomic
def check_file(*, file: ImportedFile, at: datetime) -> ImportedFile:
    """Give every row its verdict; checking again gives them anew, by what holds now."""
    locked = ImportedFile.objects.select_for_update(no_key=True, of=("self",)).get(pk=file.pk)
    if locked.state not in (State.WAITING, State.CHECKED):
        return locked
    try:
        _told(locked, check(kind=locked.kind, content=bytes(locked.content), at=at))
        locked.state = State.CHECKED
    except Refused as refused:
        locked.state, locked.problem, locked.content = State.UNREADABLE, str(refused), b""
    locked.checked_at = at
    locked.save()
    return locked


@transaction.atomic
def decide(
    *, file: ImportedFile, by: User, at: datetime, reason: str, leave_bad: bool = False
) -> ImportedFile:
    """Apply a checked file: at once when it is small, else a worker does, all or nothing.

    Refused without a reason, or when rows are bad and are not to be left out.
    """
    if not reason.strip():
        raise Refused("Say why.")
    locked = ImportedFile.objects.select_for_update(no_key=True, of=("self",)).get(pk=file.pk)
    if locked.state != State.CHECKED:
        raise Refused(f"This file is {locked.get_state_display()}.")
    if locked.counts.get("errors") and not leave_bad:
        raise Refused("Some rows cannot be imported. Put them right, or leave them out.")
    locked.state, locked.reason, locked.leave_bad = State.APPLYING, reason, leave_bad
    locked.checked_by, locked.problem = by, ""
    locked.save()
    if len(locked.content) <= AT_ONCE:
        return apply_file(file=locked, at=at)
    async_task("mapping.tasks.apply_file", locked.pk)
    return locked


@transaction.atomic
def apply_file(*, file: ImportedFile, at: datetime) -> ImportedFile:
    """Carry a decided file out. What changed since the check counts: a row that has become bad
    brings the file back to be looked at, with nothing changed."""
    locked = ImportedFile.objects.select_for_update(no_key=True, of=("self",)).get(pk=file.pk)
    if locked.state != State.APPLYING:
        return locked
    try:
        with transaction.atomic():
            report = apply(
                kind=locked.kind,
                content=bytes(locked.content),
                by=locked.checked_by,
                at=at,
                reason=locked.reason,
                leave_bad=locked.leave_bad,
            )
    except Refused as refused:
        locked.state, locked.problem = State.CHECKED, str(refused)
        _told(locked, check(kind=locked.kind, content=bytes(locked.content), at=at))
        locked.save()
        return locked
    _told(locked, report)
    locked.state, locked.applied_at, locked.content = State.APPLIED, at, b""
    locked.save()
    audit.record(
        action="importedfile.apply",
        subject=locked,
        by=locked.checked_by,
        at=at,
        after={"file": locked.name, "digest": locked.digest, **locked.counts},
        reason=locked.reason,
    )
    return locked


@transaction.atomic
def drop(*, file: ImportedFile, by: User, at: datetime) -> ImportedFile:
    """Leave a checked file alone; its rows are forgotten, that it was there is not."""
    locked = ImportedFile.objects.select_for_update(no_key=True, of=("self",)).get(pk=file.pk)
    if locked.state in (State.CHECKED, State.WAITING):
        locked.state, locked.content, locked.checked_by = State.DROPPED, b"", by
        locked.save()
        audit.record(action="importedfile.drop", subject=locked, by=by, at=at)
    return locked


def _told(file: ImportedFile, report: Report) -> None:
    file.rows, file.counts = report.rows, report.counts
    file.verdicts = [
        {"row": one.row, "words": one.words, "ok": one.ok, "new": one.new}
        for one in [*report.wrong, *report.right]
    ]


def stuck() -> Sequence[int]:
    """Files whose check or application was begun and whose worker died: to be taken up again."""
    rows = ImportedFile.objects.filter(state__in=[State.WAITING, State.APPLYING])
    return list(rows.order_by("pk").values_list("pk", flat=True))
