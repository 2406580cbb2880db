"""The sandbox ERP's own virtual environment, made once from a hashed lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")


class SandboxError(Exception):
    """The sandbox ERP cannot start; `str()` says why and what to do."""


def default_cache() -> Path:
    """MKTERP_CACHE, else `mkterp` in the user's cache folder."""
    if named := os.environ.get("MKTERP_CACHE"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mkterp"


def uv_command() -> list[str] | None:
    """How to call uv here: MKTERP_UV, on PATH, as a module of this Python, or not at all."""
    if named := os.environ.get("MKTERP_UV"):
        return [named]
    if found := shutil.which("uv"):
        return [found]
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    return None


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file, so that two starts at once do the slow work once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: list[str], *, env: dict[str, str] | None = None) -> None:
    """Run a tool to its end. Raises SandboxError with its last words when it fails."""
    done = subprocess.run(
        command, env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        words = done.stdout.decode(errors="replace")[-3000:]
        raise SandboxError(f"{Path(command[0]).name} failed with {done.returncode}:\n{words}")


def prepare(cache: Path, say: Callable[[str], None]) -> Path:
    """The `bin` folder of an environment that holds exactly what the lock names."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(LOCK.read_bytes() + version.encode()).hexdigest()[:12]
    home = cache / f"tryton-env-{key}"
    complete = home / "complete"
    with locked(home.with_suffix(".lock"), lambda: say("waiting for another installation")):
        if not complete.exists():
            say("installing, about 20 to 70 s the first time")
            shutil.rmtree(home, ignore_errors=True)
            _install(home)
            complete.touch()
    return home / "bin"


def _install(home: Path) -> None:
    python = str(home / "bin" / "python")
    uv = uv_command()
    if uv:
        run([*uv, "venv", "--quiet", "--python", sys.executable, str(home)])
        installer = [*uv, "pip", "install", "--quiet", "--python", python]
    else:
        run([sys.executable, "-m", "venv", str(home)])
        installer = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*installer, "--require-hashes", "-r", str(LOCK)])
    scripts = [str(home / "bin" / name) for name in ("trytond", "trytond-admin")]
    if missing := [name for name in scripts if not os.access(name, os.X_OK)]:
        raise SandboxError(f"the installation lacks {', '.join(missing)}")
