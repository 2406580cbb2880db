"""The chain over the audit trail: it holds, and it shows what was changed behind our back."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from mkterp.core import audit, seals
from mkterp.core.models import AuditEntry, AuditSeal

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(operations, at):
    for number in range(5):
        audit.record(
            action="case.assign",
            subject=operations,
            by=operations,
            at=at + timedelta(minutes=number),
            before={"amount": "1.10", "n": number},
            after={"amount": "1.20", "name": "Zoë"},
            reason="because",
        )
    assert seals.seal() == AuditEntry.objects.count()
    return list(AuditEntry.objects.order_by("pk"))


def behind_our_back(statement, *values):
    """Somebody with the database's own password, past our triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = DEFAULT")


def test_an_untouched_trail_holds_and_a_second_sealing_adds_nothing(entries, at):
    verdict = seals.verify(at=at)

    assert (verdict.broken, verdict.unsealed, verdict.entries) == ((), 0, len(entries))
    assert seals.seal() == 0


@pytest.mark.parametrize("column", ["reason", "action", "subject"])
def test_a_changed_entry_is_named(entries, at, column):
    behind_our_back(f"UPDATE core_auditentry SET {column} = 'x' WHERE id = %s", entries[2].pk)

    (said,) = seals.verify(at=at).broken

    assert f"entry {entries[2].pk}" in said


def test_changed_values_are_named(entries, at):
    behind_our_back(
        """UPDATE core_auditentry SET after = '{"amount": "9.99"}' WHERE id = %s""", entries[3].pk
    )
    with pytest.raises(CommandError, match=f"entry {entries[3].pk}"):
        call_command("verify_audit")


def test_a_dropped_entry_leaves_a_gap(entries, at):
    behind_our_back("DELETE FROM core_auditseal WHERE entry_id = %s", entries[1].pk)
    behind_our_back("DELETE FROM core_auditentry WHERE id = %s", entries[1].pk)

    assert "is missing" in seals.verify(at=at).broken[0]


def test_a_rewritten_end_is_shown_by_a_head_that_was_noted(entries, at):
    noted = seals.verify(at=at).head
    behind_our_back("DELETE FROM core_auditseal WHERE entry_id = %s", entries[-1].pk)
    behind_our_back("DELETE FROM core_auditentry WHERE id = %s", entries[-1].pk)

    assert seals.verify(at=at).broken == ()  # alone, the chain cannot know
    assert "cut off" in seals.verify(at=at, head=noted).broken[0]


def test_an_entry_nobody_sealed_is_shown_after_an_hour(entries, operations, at):
    audit.record(action="x", subject=operations, by=None, at=at)

    assert seals.verify(at=at + timedelta(minutes=30)).broken == ()
    assert "not sealed" in seals.verify(at=at + timedelta(hours=2)).broken[0]


def test_the_database_refuses_to_change_a_seal(entries):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditSeal.objects.filter(position=1).update(hash="0" * 64)
