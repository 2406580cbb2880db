"""The chain over the audit trail: whoever changes, drops or slips in an entry breaks it.

Each entry is sealed with a hash over itself and over the seal before it, in the way of a hash
chain (Haber and Stornetta, "How to time-stamp a digital document", 1991). Sealing is a task of its
own, a minute behind: a chain written inside every transaction would make all of them wait in one
line. What the chain alone cannot show is that its end was cut off; for that, keep the head that
`verify_audit` prints somewhere else, and hand it in the next time.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from mkterp.core import audit
from mkterp.core.models import AuditEntry, AuditSeal

BATCH = 1_000
# Ids are drawn before they are committed: a late one may lie this far behind the newest sealed.
LATE_IDS = 10_000
UNSEALED_FOR = timedelta(hours=1)  # longer than that, and the sealing itself has stopped
ORIGIN = "0" * 64
VERIFIED = "audit.verify"  # the entry that a walk over the chain leaves in the trail itself
MANY = 1_000  # entries behind the newest seal that are counted


@dataclass(frozen=True)
class Verdict:
    """What a walk over the whole chain found. `broken` is empty when every link holds."""

    entries: int
    head: str  # hash of the newest seal
    unsealed: int  # newer than the last run of the sealing, not yet protected
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What is known of the chain without walking it: three look-ups, however long it is."""

    sealed: int  # entries
    sealed_to: datetime | None  # when the newest sealed entry was written
    waiting: int  # newer than that, MANY at most
    verified_at: datetime | None  # the last walk; None: nobody has walked it yet
    broken: tuple[str, ...]  # what that walk found


def standing() -> Standing:
    """How far the trail is sealed, and what the last walk over it found."""
    last = AuditSeal.objects.select_related("entry").order_by("-position").first()
    newer = AuditEntry.objects.filter(pk__gt=last.entry_id if last else 0)
    walk = AuditEntry.objects.filter(action=VERIFIED).order_by("-at", "-id").first()
    return Standing(
        sealed=last.position if last else 0,
        sealed_to=last.entry.at if last else None,
        waiting=newer.order_by("pk")[:MANY].count(),
        verified_at=walk.at if walk else None,
        broken=tuple((walk.after or {}).get("broken", ())) if walk else (),
    )


def _hash(previous: str, position: int, entry: AuditEntry) -> str:
    """The seal of an entry, from its values as the database holds them."""
    content = [
        previous,
        position,
        entry.pk,
        entry.at.astimezone(UTC).isoformat(),
        entry.by_id,
        entry.action,
        entry.subject,
        entry.before,
        entry.after,
        entry.reason,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal() -> int:
    """Seal the entries that have none yet, oldest first; returns how many.

    One run at a time: a second one while it works returns 0 at once.
    """
    sealed = 0
    while batch := _seal_batch():
        sealed += batch
    return sealed


@transaction.atomic
def _seal_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('audit seal', 0))")
        if not cursor.fetchone()[0]:
            return 0
    last = AuditSeal.objects.order_by("-position").first()
    position, previous = (last.position, last.hash) if last else (0, ORIGIN)
    newest = AuditSeal.objects.order_by("-entry_id").values_list("entry_id", flat=True).first()
    entries = AuditEntry.objects.filter(seal=None, pk__gt=(newest or 0) - LATE_IDS)
    seals = []
    for entry in entries.order_by("pk")[:BATCH]:
        position += 1
        previous = _hash(previous, position, entry)
        seals.append(AuditSeal(position=position, entry=entry, hash=previous))
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def verify(*, at: datetime, head: str = "") -> Verdict:
    """Walk the chain from its first link; `head` is a hash noted earlier that must be in it.

    Memory stays flat. Reports the first broken link (all after it hang on it), a missing head, and
    entries that nobody sealed.
    """
    broken: list[str] = []
    previous, found_head = ORIGIN, not head
    for expected, link in enumerate(_links(), start=1):
        if link.position != expected:
            broken.append(f"link {expected} is missing; the next one is {link.position}")
            break
        if link.hash != _hash(previous, link.position, link.entry):
            broken.append(f"entry {link.entry_id} ({link.entry}) is not what was sealed as {link}")
            break
        previous = link.hash
        found_head = found_head or link.hash == head
    if not broken and not found_head:
        broken.append(f"the chain does not hold the head {head}: its end was cut off or replaced")
    waiting = AuditEntry.objects.filter(seal=None)
    if old := waiting.filter(at__lt=at - UNSEALED_FOR).count():
        broken.append(f"{old} entries older than an hour are not sealed: do the workers run?")
    return Verdict(
        entries=AuditEntry.objects.count(),
        head=previous,
        unsealed=waiting.count(),
        broken=tuple(broken),
    )


def note(verdict: Verdict, *, at: datetime) -> None:
    """Keep in the trail that it was walked, and what was found. A chain without a link has nothing
    to be noted of; walked twice, it is noted twice."""
    last = AuditSeal.objects.order_by("-position").first()
    if last is not None:
        found = {"entries": verdict.entries, "head": verdict.head, "broken": list(verdict.broken)}
        audit.record(action=VERIFIED, subject=last, by=None, at=at, after=found)


def _links() -> Iterator[AuditSeal]:
    return AuditSeal.objects.select_related("entry").order_by("position").iterator(BATCH)
