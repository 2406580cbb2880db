"""The launcher of the checkout's own PostgreSQL, tried on servers of its own."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from mkterp import postgres
from mkterp.postgres import binaries

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def open_folder():
    """A data folder that `nobody` can reach; pytest's own tmp_path is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="mkterp-test-"))
    folder.chmod(0o755)
    yield folder
    postgres.Cluster(folder, durable=True).destroy()
    shutil.rmtree(folder)


@pytest.fixture
def data_dir():
    """An empty data folder."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def shared():
    """One durable server for all tests that leave it able to run."""
    with open_folder() as folder:
        yield postgres.Cluster(folder, durable=True)


@pytest.fixture
def cluster(shared):
    """The shared server, running."""
    shared.ensure()
    return shared


def ask(cluster, statement, *values):
    with closing(psycopg.connect(cluster.uri(), autocommit=True)) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchone()[0] if cursor.description else None


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def is_gone(pid):
    try:
        # A zombie has no command line any more.
        return not (Path("/proc") / str(pid) / "cmdline").read_text()
    except FileNotFoundError:
        return True


def up(data_dir):
    return subprocess.Popen(
        [sys.executable, "-m", "mkterp.postgres", "up", "--data", str(data_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={k: v for k, v in os.environ.items() if k != "MKTERP_TEST_CLUSTER"},
    )


def test_the_second_call_joins_the_server_that_the_first_one_started(cluster):
    first = cluster.status().pid
    assert cluster.ensure() == cluster.uri()
    assert cluster.status() == (True, first, cluster.uri(), cluster.home)


def test_the_server_is_private_durable_and_not_root(cluster):
    folder = cluster.socket_dir.stat()
    assert stat.S_IMODE(folder.st_mode) == 0o700
    assert folder.st_uid == cluster.home.stat().st_uid == binaries.server_account().uid != 0
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SHOW fsync") == "on"
    assert ask(cluster, "SHOW synchronous_commit") == "on"
    assert ask(cluster, "SHOW jit") == "off"


def test_the_tests_server_is_another_one_that_does_not_wait_for_the_disk(cluster):
    quick = postgres.Cluster(cluster.data_dir, durable=False)
    try:
        assert quick.ensure() != cluster.uri()
        assert ask(quick, "SHOW fsync") == "off"
        assert ask(cluster, "SHOW fsync") == "on"
    finally:
        quick.destroy()


def test_it_has_the_extensions_we_use_and_knows_letters_beyond_ascii(cluster):
    for extension in ("pg_trgm", "btree_gist", "btree_gin", "citext", "pg_stat_statements"):
        ask(cluster, f"CREATE EXTENSION {extension}")
    assert ask(cluster, "SELECT count(*) FROM pg_stat_statements") >= 0
    assert ask(cluster, "SELECT similarity('Größe Ärmel', 'GRÖSSE ÄRMEL')") > 0.5
    assert ask(cluster, "SELECT pg_encoding_to_char(encoding) FROM pg_database LIMIT 1") == "UTF8"


def test_another_database_of_the_same_server_has_an_address_too(cluster):
    ask(cluster, "CREATE DATABASE erp")
    with closing(psycopg.connect(cluster.uri("erp"))) as connection:
        assert connection.info.dbname == "erp"
    dump = subprocess.run(
        [cluster.bin_dir / "pg_dump", "--dbname", cluster.uri("erp")], capture_output=True
    )
    assert dump.returncode == 0


def test_four_processes_that_race_on_an_empty_folder_make_one_server(data_dir):
    racers = [up(data_dir) for _ in range(4)]
    answers = {racer.communicate(timeout=60)[0] for racer in racers}
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    cluster = postgres.Cluster(data_dir, durable=True)
    assert answers == {f"{cluster.uri()}\n"}
    leaders = ask(
        cluster,
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'checkpointer'",
    )
    assert leaders == 1
    assert [entry.name for entry in data_dir.iterdir() if entry.is_dir()] == ["postgres"]


def test_the_server_outlives_the_process_group_that_started_it(data_dir):
    starter = up(data_dir)
    starter.communicate(timeout=60)
    assert starter.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(starter.pid, signal.SIGKILL)  # nobody is left in its group
    assert postgres.Cluster(data_dir, durable=True).status().running


def test_a_starter_killed_while_it_makes_the_files_leaves_nothing_in_the_way(data_dir):
    starter = up(data_dir)
    wait_until(lambda: any(data_dir.glob("mkterp-*/base")))
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    cluster = postgres.Cluster(data_dir, durable=True)
    assert not cluster.status().running
    cluster.ensure()
    assert ask(cluster, "SELECT 1") == 1
    assert not any(data_dir.glob("mkterp-*"))


def test_what_was_committed_survives_a_kill_of_the_server(cluster):
    ask(cluster, "CREATE TABLE thousand AS SELECT generate_series(1, 1000)")
    victim = cluster.status().pid
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: is_gone(victim))
    assert not cluster.status().running
    cluster.ensure()
    assert cluster.status().pid != victim
    assert ask(cluster, "SELECT count(*) FROM thousand") == 1000


def test_revive_starts_a_server_that_died_and_not_one_that_was_stopped(cluster):
    assert cluster.revive() is False
    victim = cluster.status().pid
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: is_gone(victim))
    assert cluster.revive() is True
    assert cluster.stop() is True
    assert cluster.revive() is False
    assert not cluster.status().running
    assert cluster.stop() is False


def test_a_pid_file_that_names_another_program_is_seen_through(cluster):
    pid_file = cluster.home / "postmaster.pid"
    left_behind = pid_file.read_text().split("\n", 1)[1]
    cluster.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text(f"{bystander.pid}\n{left_behind}")
        cluster.ensure()
        assert bystander.poll() is None
        assert ask(cluster, "SELECT 1") == 1
    finally:
        bystander.kill()
        bystander.wait()


def test_a_socket_folder_that_was_cleaned_away_comes_back(cluster):
    ask(cluster, "CREATE TABLE kept AS SELECT 1 AS one")
    shutil.rmtree(cluster.socket_dir)
    assert not cluster.status().running
    cluster.ensure()
    assert ask(cluster, "SELECT one FROM kept") == 1


def test_a_server_whose_files_were_deleted_under_it_is_replaced(data_dir):
    cluster = postgres.Cluster(data_dir, durable=False)
    cluster.ensure()
    shutil.rmtree(cluster.home)  # a checkout thrown away and cloned anew within the minute

    cluster.ensure()

    assert ask(cluster, "SELECT 1") == 1
    cluster.destroy()


def test_a_socket_folder_that_others_may_enter_is_refused(data_dir):
    cluster = postgres.Cluster(data_dir, durable=True)
    cluster.socket_dir.mkdir()
    cluster.socket_dir.chmod(0o777)
    with pytest.raises(postgres.PostgresError, match="not a private folder of ours"):
        cluster.ensure()
    cluster.socket_dir.rmdir()


def test_a_server_that_will_not_start_says_why(cluster):
    cluster.stop()
    (cluster.home / "global").rename(cluster.home / "elsewhere")
    with pytest.raises(postgres.PostgresError, match="global"):
        cluster.ensure()
    (cluster.home / "elsewhere").rename(cluster.home / "global")


def test_a_folder_closed_to_the_server_still_gets_one(tmp_path):
    """Root's home is mode 0700, and so is pytest's folder: for root the files go elsewhere."""
    cluster = postgres.Cluster(tmp_path / "data", durable=True)
    try:
        cluster.ensure()
        assert ask(cluster, "SELECT 1") == 1
        files = cluster.home.resolve()
        assert cluster.home.is_symlink() == binaries.server_account().switch
    finally:
        cluster.destroy()
    assert not files.exists()
    assert not cluster.home.is_symlink()
    assert not cluster.socket_dir.exists()


def test_programs_in_a_closed_folder_are_run_from_a_copy(tmp_path):
    package = binaries.find_binaries().parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, tmp_path / part.name)
    closed = tmp_path / package.name / "pginstall" / "bin"
    account = binaries.server_account()
    usable = binaries.reachable(closed, account)
    try:
        assert (usable != closed) is account.switch
        for program in ("postgres", "initdb", "createdb"):
            assert "PostgreSQL" in account.run(usable / program, "--version").stdout
        assert binaries.reachable(closed, account) == usable
    finally:
        if account.switch:
            shutil.rmtree(usable.parents[2])


def test_without_any_postgresql_the_error_names_the_ways_out(monkeypatch):
    monkeypatch.setattr(binaries, "_candidates", lambda: [])
    with pytest.raises(postgres.PostgresError, match="DATABASE_URL"):
        binaries.find_binaries()


def test_files_of_another_version_are_named_and_left_alone(cluster):
    cluster.stop()
    version = (cluster.home / "PG_VERSION").read_text()
    (cluster.home / "PG_VERSION").write_text("9\n")
    with pytest.raises(postgres.PostgresError, match="made by PostgreSQL 9"):
        cluster.ensure()
    (cluster.home / "PG_VERSION").write_text(version)


@pytest.mark.parametrize(
    "arguments",
    [
        ["manage.py"],
        ["manage.py", "check"],
        ["manage.py", "migrate", "--help"],
        ["manage.py", "-h"],
    ],
)
def test_a_command_without_need_of_the_database_starts_nothing(monkeypatch, data_dir, arguments):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("MKTERP_DATA_DIR", str(data_dir))
    postgres.ensure_running(arguments)
    assert not any(data_dir.iterdir())


def test_any_other_command_finds_or_starts_it(monkeypatch, data_dir):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("MKTERP_TEST_CLUSTER", raising=False)
    monkeypatch.setenv("MKTERP_DATA_DIR", str(data_dir))
    postgres.ensure_running(["manage.py", "migrate"])
    assert postgres.Cluster(data_dir, durable=True).status().running


def test_with_an_address_in_the_environment_nothing_is_started(monkeypatch, data_dir):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    monkeypatch.setenv("MKTERP_DATA_DIR", str(data_dir))
    postgres.ensure_running(["manage.py", "migrate"])
    assert not any(data_dir.iterdir())


def test_the_signing_key_is_private_and_stays_the_same(tmp_path):
    key = postgres.local_secret(tmp_path / "data")
    assert len(key) >= 50
    assert postgres.local_secret(tmp_path / "data") == key
    assert stat.S_IMODE((tmp_path / "data" / "secret-key").stat().st_mode) == 0o600
