"""What scripts/backup.sh writes, scripts/restore.sh brings back whole, its rules included."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mkterp.core import audit, seals
from mkterp.core.models import User
from mkterp.postgres import Cluster, default_data_dir
from sync.models import OutboxMessage

ROOT = Path(__file__).parents[2]


def uri(database: str) -> str:
    told = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    given = {name: told[key] for name, key in names.items() if told[key]}
    return make_conninfo(**given, dbname=database)


def run(command: list[str], database: str) -> subprocess.CompletedProcess[str]:
    tools = str(Cluster(default_data_dir(), durable=False).bin_dir)
    env = {**os.environ, "DATABASE_URL": uri(database), "PG_BIN": tools}
    return subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True, check=False)


@pytest.fixture
def empty(transactional_db):
    """A new database beside the tests' own, gone afterwards."""
    name = f"restored_{os.getpid()}"
    with psycopg.connect(uri("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield name
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def contents(database: str) -> dict[str, int]:
    """Rows by table, and how many rules of each kind the database keeps."""
    with psycopg.connect(uri(database)) as db:
        tables = [
            name
            for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        count = sql.SQL("SELECT count(*) FROM {}")
        found = {t: db.execute(count.format(sql.Identifier(t))).fetchone()[0] for t in tables}
        for name, kind in (("pg_trigger", "NOT tgisinternal"), ("pg_constraint", "true")):
            rules = sql.SQL("SELECT count(*) FROM {} WHERE {}")
            row = db.execute(rules.format(sql.Identifier(name), sql.SQL(kind))).fetchone()
            found[name] = row[0]
        return found


def test_a_backup_restores_every_row_and_rule_and_the_audit_trail_still_proves_itself(
    empty, tmp_path
):
    at = timezone.now()
    person = User.objects.create_user(username="keeper")
    audit.record(action="test.keep", subject=person, by=person, at=at, after={"kept": "yes"})
    seals.seal()
    OutboxMessage.objects.create(
        lane="ERP", operation="post_order", key="k", stream="s", reference="INV-1",
        payload={"a": 1}, queued_at=at, not_before=at,
    )  # fmt: skip
    backup = tmp_path / "mkterp.dump"

    made = run(["scripts/backup.sh", str(backup)], str(connection.settings_dict["NAME"]))
    assert made.returncode == 0, made.stderr
    restored = run(["scripts/restore.sh", str(backup)], empty)
    assert restored.returncode == 0, restored.stderr

    before = contents(str(connection.settings_dict["NAME"]))
    assert contents(empty) == before
    assert before["pg_trigger"] > 0
    assert before["sync_outboxmessage"] == before["core_auditentry"] == 1
    for command in (["migrate", "--check"], ["verify_audit"]):
        answer = run([sys.executable, "manage.py", *command], empty)
        assert answer.returncode == 0, answer.stderr
    # Nothing is restored over something. That the trail was walked stands in the trail itself.
    kept = contents(empty)
    assert kept == before | {"core_auditentry": 2}
    again = run(["scripts/restore.sh", str(backup)], empty)
    assert again.returncode == 1
    assert "empty" in again.stderr
    assert contents(empty) == kept


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(empty, tmp_path):
    backup = tmp_path / "mkterp.dump"
    made = run(["scripts/backup.sh", str(backup)], "no_such_database")
    assert made.returncode != 0
    assert list(tmp_path.iterdir()) == []
