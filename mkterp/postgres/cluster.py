"""One PostgreSQL server: making, starting, joining, reviving and stopping it."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mkterp.core import processes
from mkterp.postgres.binaries import (
    Account,
    PostgresError,
    find_binaries,
    reachable,
    server_account,
    version,
)
from mkterp.postgres.wire import log_in

ROLE = "mkterp"
DATABASE = "mkterp"
START_SECONDS = 60.0


class Status(NamedTuple):
    """What a look at the server showed."""

    running: bool
    pid: int | None
    uri: str
    data: Path


class Cluster:
    """One server and its files under `<data folder>/postgres`.

    Starting, stopping and destroying hold a file lock, so any number of processes may call them
    at once and one server comes of it. `durable=False` is the tests' server: it lives beside the
    first one, under `postgres-test`, and does not wait for the disk.

    Root's server must be able to reach its own files as `nobody`. When the checkout lies below a
    closed folder (a 0700 home) the files go to /var/lib/mkterp and `postgres` is a link to them.
    """

    def __init__(self, data_dir: Path, *, durable: bool | None = None) -> None:
        if durable is None:
            durable = not os.environ.get("MKTERP_TEST_CLUSTER")
        self.durable = durable
        self.data_dir = data_dir.resolve()
        self.home = self.data_dir / ("postgres" if durable else "postgres-test")
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        # A socket's path may have about 100 characters: a deep checkout cannot hold it. Not the
        # TMPDIR of the moment either, for every process must compute the same folder.
        self.socket_dir = Path("/tmp") / f"mkterp-{os.geteuid()}-{digest}"
        # Shown in the title of each of the server's processes: that is how they are told apart.
        self.name = f"mkterp-{digest}"
        self._title = rf"postgres.*{self.name}\b"

    @property
    def bin_dir(self) -> Path:
        """Folder of the server's and the client's tools (postgres, pg_dump, psql …)."""
        version = self.home / "PG_VERSION"
        return find_binaries(int(version.read_text()) if version.exists() else None)

    def uri(self, database: str = DATABASE) -> str:
        """The libpq address of a database of this server; computed, nothing is started."""
        return f"postgresql://{ROLE}@/{database}?host={self.socket_dir}"

    def status(self) -> Status:
        """Look, and start nothing."""
        running = self._probe() in ("ready", "no database")
        return Status(running, self._postmaster(), self.uri(), self.home)

    def ensure(self) -> str:
        """Join the server, start it, or make it; returns the address of the database `mkterp`.

        A second run finds what the first left. A server or a starter that was killed is cleared
        away first. Raises PostgresError with the server's own words when it will not start.
        """
        if self._probe() == "ready":
            return self.uri()
        with self._lock():
            deadline = time.monotonic() + START_SECONDS
            while (state := self._probe()) != "ready":
                if time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL is still {state}: {self._last_words()}")
                if state == "down":
                    self._start()
                elif state == "no database":
                    self._tool("createdb", "-h", self.socket_dir, "-U", ROLE, DATABASE)
                else:
                    time.sleep(0.02)
        return self.uri()

    def revive(self) -> bool:
        """Start the server again if it died; leave one alone that was stopped on purpose.

        A clean stop removes postmaster.pid, a death leaves it. Returns whether it started one.
        """
        if self._probe() != "down" or not (self.home / "postmaster.pid").exists():
            return False
        self.ensure()
        return True

    def stop(self) -> bool:
        """Stop the server, ending its connections; returns whether one was running."""
        with self._lock():
            return self._stop()

    def destroy(self) -> None:
        """Stop the server and delete all its data."""
        with self._lock():
            self._stop()
            if self.home.is_symlink():
                shutil.rmtree(self.home.resolve(), ignore_errors=True)
                self.home.unlink()
            elif self.home.exists():
                shutil.rmtree(self.home)
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    # -- starting -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Only one process at a time starts or stops; a killed holder's lock is gone with it."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with open(self.data_dir / f"{self.home.name}.lock", "a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _start(self) -> None:
        account = server_account()
        tools = reachable(self.bin_dir, account)
        if self._postmaster() is not None:
            # Alive and deaf: its socket was cleaned away, or it is on its way out.
            self._stop()
        self._clear_the_dead()
        self._make_socket_dir(account)
        self._initialise(tools, account)
        files = self.home.resolve()  # the account may be unable to follow the link to them
        log = files / "server.log"
        if log.exists() and log.stat().st_size > 10_000_000:
            log.replace(files / "server.log.1")
        options = " ".join(f"-c {name}={value}" for name, value in self._settings(tools).items())
        started = account.run(
            tools / "pg_ctl", "start", "-w", "-t", str(int(START_SECONDS)), "-s",
            "-D", files, "-l", log, "-o", options, check=False,
        )  # fmt: skip
        if started.returncode:
            raise PostgresError(
                f"PostgreSQL does not start from {self.home}: "
                f"{started.stdout.strip()}\n{self._last_words()}"
            )

    def _settings(self, tools: Path) -> Mapping[str, str]:
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "cluster_name": self.name,
            "max_connections": "200",
            "shared_buffers": "256MB",
            "jit": "off",
            # What is read at random comes from memory or flash. By the default, which is for disks
            # with an arm, whole tables are read where an index knows the few rows that are wanted.
            "random_page_cost": "1.1",
            # Nobody copies this server's log: what a transaction fills anew is not logged twice.
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if next(tools.parent.glob("**/pg_stat_statements.so"), None):
            settings["shared_preload_libraries"] = "pg_stat_statements"
        shm = Path("/dev/shm")
        if shm.exists() and shutil.disk_usage(shm).total < 512_000_000:
            # A container's usual 64 MB is too little for a parallel hash join.
            settings["dynamic_shared_memory_type"] = "mmap"
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return settings

    def _initialise(self, tools: Path, account: Account) -> None:
        """Make the files once, aside, and move them in whole: half of a cluster is never seen."""
        if (self.home / "PG_VERSION").exists():
            return
        os.chmod(self.data_dir, 0o755)  # the server's account walks through it; its own is 0700
        place = self.data_dir
        if not account.may_enter(place):
            place = Path("/var/lib/mkterp")
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
        for abandoned in place.glob(f"{self.name}-*"):  # by an initdb that was killed
            if abandoned != self.home.resolve():
                shutil.rmtree(abandoned)
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=place))
        if account.switch:
            os.chown(fresh, account.uid, account.gid)
        # Sorting is by code point everywhere, letters are known beyond ASCII (pg_trgm needs them).
        collation = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C"]
        said = ""
        for locale in ("C.UTF-8", "en_US.UTF-8", "C"):
            made = account.run(
                tools / "initdb", "-D", fresh, "-U", ROLE, "-A", "trust", "-E", "UTF8",
                *(collation if version(tools) >= 17 else ["--lc-collate=C"]),
                f"--lc-ctype={locale}", "--lc-messages=C", "--no-instructions",
                *([] if self.durable else ["--no-sync"]), check=False,
            )  # fmt: skip
            if made.returncode == 0:
                break
            said = made.stdout
        else:
            shutil.rmtree(fresh, ignore_errors=True)
            raise PostgresError(f"initdb failed: {said.strip()}")
        if place == self.data_dir:
            fresh.replace(self.home)
        else:
            self.home.unlink(missing_ok=True)
            self.home.symlink_to(fresh)

    def _make_socket_dir(self, account: Account) -> None:
        with contextlib.suppress(FileExistsError):
            self.socket_dir.mkdir(mode=0o700)
        if self.socket_dir.lstat().st_uid == os.geteuid() != account.uid:
            os.chown(self.socket_dir, account.uid, account.gid)
        self._check_socket_dir()

    def _check_socket_dir(self) -> bool:
        """Whether the folder is there. Anyone may write to /tmp, so one that is not ours is
        refused: a stranger's server behind it would be believed."""
        try:
            found = self.socket_dir.lstat()
        except FileNotFoundError:
            return False
        ours = found.st_uid in (server_account().uid, os.geteuid())
        if not (ours and stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077):
            raise PostgresError(
                f"{self.socket_dir} is not a private folder of ours. Remove it and try again."
            )
        return True

    def _stop(self) -> bool:
        if self._postmaster() is None:
            return False
        for mode in ("fast", "immediate"):
            with contextlib.suppress(PostgresError):
                self._tool(
                    "pg_ctl", "stop", "-w", "-t", "30", "-s", "-m", mode, "-D", self.home.resolve()
                )
                return True
        raise PostgresError(f"PostgreSQL does not stop: {self._last_words()}")

    def _tool(self, name: str, *arguments: str | Path) -> None:
        account = server_account()
        account.run(reachable(self.bin_dir, account) / name, *arguments)

    # -- looking --------------------------------------------------------------------------------

    def _probe(self) -> str:
        """Ask the socket itself: "ready", "no database", "starting" (or stopping), "down".

        Speaks the few bytes of the protocol that a log-in takes, so that a command on a running
        server pays three milliseconds and no driver's import.
        """
        if not self._check_socket_dir():
            return "down"
        if not (self.home / "PG_VERSION").exists():
            # The folder was deleted, or cloned anew, under a server that has not noticed yet.
            return "down"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            try:
                connection.connect(str(self.socket_dir / ".s.PGSQL.5432"))
                code = log_in(connection, ROLE, DATABASE)
            except (FileNotFoundError, ConnectionError):
                return "down"
            except TimeoutError:
                return "starting"
        # 3D000 no such database; 57P03 cannot connect now; anything else came from a live server.
        return {"3D000": "no database", "57P03": "starting"}.get(code, "ready")

    def _postmaster(self) -> int | None:
        """The server's process, if postmaster.pid names one that is alive and really it.

        After a container's restart the number may be another program's, and under an init that
        does not collect its children a killed server stays in the table as a zombie.
        """
        try:
            pid = int((self.home / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if pid in processes.titled(self._title) else None

    def _clear_the_dead(self) -> None:
        """Remove what a killed server left: its last children, then its pid and lock files.

        The children end first, by force if need be: two servers on one set of files would ruin
        it, and without the pid file PostgreSQL itself could not see them. The files must go,
        because PostgreSQL takes the number in them for alive while it is only a zombie's.
        """
        left_behind = [
            self.home / "postmaster.pid",
            self.socket_dir / ".s.PGSQL.5432.lock",
            self.socket_dir / ".s.PGSQL.5432",
        ]
        if not any(path.exists() for path in left_behind):
            return
        if left := processes.kill_titled(self._title, within=20):
            raise PostgresError(f"Processes {sorted(left)} of a dead server do not end")
        for path in left_behind:
            path.unlink(missing_ok=True)

    def _last_words(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join((self.home / "server.log").read_text().splitlines()[-8:])
        return "it left no log"
