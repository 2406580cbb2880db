"""The supervisor against what kills or silences a cluster."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from mkterp import postgres
from mkterp.core import processes
from sync.domain.delivery import POISON_ATTEMPTS
from sync.models import OutboxMessage
from tests.contract.queue.real_worker import Worker, wait_until

JOBS = "tests.contract.queue.jobs"


def test_an_executed_task_is_a_sign_of_life_and_a_stop_lets_one_finish(start_worker, marks):
    worker = start_worker()
    proved = worker.heartbeat().beat_at
    async_task(f"{JOBS}.mark", path=str(marks), text="done")
    wait_until(marks, "the task")
    wait_until(lambda: worker.heartbeat().beat_at > proved, "the next heartbeat")
    assert worker.heartbeat().detail["pid"] == worker.groups()[-1]
    async_task(f"{JOBS}.mark_pid", path=str(marks), seconds=2)
    wait_until(lambda: len(marks()) == 2, "the begin of a task that may finish")
    assert worker.stop()[0] == 0
    assert marks()[2:] == ["ended"]
    assert OrmQ.objects.count() == 0
    assert worker.heartbeat() is None
    assert worker.members() == set()
    assert list((worker.log.parent / "workers").iterdir()) == []


def test_a_cluster_that_stalls_in_silence_is_replaced(start_worker, marks):
    """The idle executor that waits at the queue holds its lock; nobody ever gets it again."""
    worker = start_worker(stale=4)
    silenced = worker.members()
    async_task(f"{JOBS}.mark", path=str(marks), text="before")
    wait_until(marks, "the first task")
    # An executor killed between a task's end and its heartbeat would count as busy with it, and
    # be given the time that a task may take: that is another story than silence.
    wait_until(lambda: not worker.heartbeat().detail["busy_for"], "the first task's heartbeat")
    for pid in worker.executors():
        os.kill(pid, signal.SIGKILL)
    worker.wait_for("reincarnated worker .* after death", times=2)
    async_task(f"{JOBS}.mark", path=str(marks), text="swallowed")
    worker.wait_for("no task was executed for", seconds=15)
    assert marks() == ["before"]
    worker.wait_for(r"Q Cluster \S+ \[main\] running", times=2)
    assert not silenced & worker.members()
    async_task(f"{JOBS}.mark", path=str(marks), text="after")
    wait_until(lambda: "after" in marks(), "a task of the new cluster")
    # What the silent cluster had taken is still in the queue: it comes back when its lock ends.
    OrmQ.objects.filter(lock__isnull=False).update(lock="2026-01-01T00:00Z")
    wait_until(lambda: "swallowed" in marks(), "the task that the silent cluster had taken")


def test_a_task_that_ends_its_worker_each_time_is_parked_and_the_others_arrive(start_worker, marks):
    """The queue would execute it for ever; our own count, kept before the work, ends that."""
    worker = start_worker()
    now = timezone.now()
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            lane=OutboxMessage.Lane.MARKETPLACER,
            operation="set_external_id",
            key=owner,
            stream=owner,
            reference=owner,
            payload={"owner": owner, "key": "erp_order", "value": "SO1"},
            queued_at=now,
            not_before=now,
        )
        for owner in ("before", "poison", "after")
    )
    async_task(f"{JOBS}.deliver_to_the_deadly", path=str(marks))

    def deaths():
        return len([line for line in marks() if line.startswith("poison")])

    for times in range(1, POISON_ATTEMPTS + 1):
        wait_until(lambda times=times: deaths() == times, f"death number {times}")
        worker.wait_for("reincarnated worker .* after death", times=times)
        # The leases and the queue's lock on the task run out.
        OutboxMessage.objects.filter(state="IN_FLIGHT").update(lease_until=now)
        OrmQ.objects.update(lock=now)
    poison = OutboxMessage.objects.get(key="poison")
    wait_until(lambda: not OrmQ.objects.exists(), "the end of the task")
    poison.refresh_from_db()

    assert (poison.state, poison.case.kind, poison.case.state) == ("FAILED", "POISON", "OPEN")
    assert deaths() == POISON_ATTEMPTS
    others = OutboxMessage.objects.exclude(key="poison").values_list("state", flat=True)
    assert set(others) == {"DELIVERED"}
    assert len(worker.groups()) == 1  # no process but the executors had to be replaced
    async_task(f"{JOBS}.mark", path=str(marks), text="goes on")
    wait_until(lambda: "goes on" in marks(), "a task afterwards")


def test_a_cluster_whose_main_process_is_killed_leaves_no_executors(start_worker, marks):
    worker = start_worker()
    first = worker.members()
    async_task(f"{JOBS}.mark_pid", path=str(marks), seconds=60)
    wait_until(marks, "the task's begin")
    os.kill(worker.groups()[-1], signal.SIGKILL)
    worker.wait_for(r"runs as process group", times=2)
    assert worker.said("the cluster ended by itself with -9")
    assert not first & worker.members()
    worker.wait_for("ready for work", times=4)
    async_task(f"{JOBS}.mark", path=str(marks), text="after")
    wait_until(lambda: "after" in marks(), "a task of the new cluster")
    assert "ended" not in marks()


def test_a_killed_supervisor_takes_its_cluster_along(start_worker, marks):
    worker = start_worker(stop_within=1)
    async_task(f"{JOBS}.mark_pid", path=str(marks), seconds=60)
    wait_until(marks, "the task's begin")
    assert len(worker.members()) == 6  # main, sentinel, two executors, monitor, pusher
    worker.process.kill()
    worker.process.wait()
    wait_until(lambda: not worker.members(), "the end of all its processes", 10)
    assert "ended" not in marks()


def test_a_new_supervisor_ends_the_cluster_of_one_that_died(start_worker, tmp_path):
    """Where the kernel cannot tell children that their parent ended, the next one tidies up."""
    host = os.uname().nodename
    orphan = f"{host}:999999:feedbeef"
    folder = tmp_path / "data" / "workers"
    folder.mkdir(parents=True)
    (folder / orphan).touch()
    (folder / "elsewhere:1:00000000").touch()
    left_over = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "worker", "--child", orphan]
    )
    bystander = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "worker", "--child", orphan + "0"]
    )
    try:
        worker = start_worker()
        assert left_over.wait(10) == -signal.SIGKILL
        assert bystander.poll() is None
        assert {path.name for path in folder.iterdir()} == {worker.name, "elsewhere:1:00000000"}
    finally:
        for process in (left_over, bystander):
            process.kill()
            process.wait()


def test_a_task_that_does_not_end_is_killed_at_the_stop(start_worker, marks):
    worker = start_worker(stop_within=1)
    async_task(f"{JOBS}.mark_pid", path=str(marks), seconds=60)
    wait_until(marks, "the task's begin")
    code, seconds = worker.stop()
    assert code == 0
    assert 1 <= seconds < 8
    assert worker.members() == set()
    assert OrmQ.objects.count() == 1  # it comes back


def test_a_long_task_is_not_taken_for_silence(start_worker, marks):
    worker = start_worker(stale=2)
    for _ in range(2):
        async_task(f"{JOBS}.mark_pid", path=str(marks), seconds=6)
    wait_until(lambda: marks().count("ended") == 2, "the end of two long tasks", 20)
    assert worker.said("no task was executed") == []
    assert len(worker.groups()) == 1


def test_of_two_workers_on_one_queue_neither_takes_the_other_for_dead(start_worker):
    """Without work of their own both ask for signs, and the other one may be quicker to answer."""
    # Both ask after half of it. Long enough that a machine which makes one wait for its turn
    # cannot look like a worker that does.
    workers = [start_worker(stale=16), start_worker(stale=16)]
    beats = [set(), set()]

    def both_beat_again():
        for worker, seen in zip(workers, beats, strict=True):
            if beat := worker.heartbeat():
                seen.add(beat.beat_at)
        return all(len(seen) >= 2 for seen in beats)

    wait_until(both_beat_again, "two signs of life of each", 90)
    assert [worker.said("no task was executed") for worker in workers] == [[], []]


def test_a_killed_database_is_started_again_and_work_goes_on():
    folder = Path(tempfile.mkdtemp(prefix="mkterp-test-"))
    folder.chmod(0o755)
    cluster = postgres.Cluster(folder, durable=True)
    worker = None

    def last_beat():
        try:
            with closing(psycopg.connect(cluster.uri())) as connection:
                found = connection.execute("SELECT max(beat_at) FROM core_heartbeat").fetchone()
                return found[0]
        except psycopg.OperationalError:
            return None

    try:
        cluster.ensure()
        env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        env |= {"MKTERP_DATA_DIR": str(folder), "MKTERP_TEST_CLUSTER": ""}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=settings.BASE_DIR,
            env=env,
            check=True,
        )
        worker = Worker(
            folder, stale=4, stop_within=5, env={"MKTERP_TEST_CLUSTER": "", "DATABASE_URL": ""}
        )
        before = wait_until(last_beat, "the first heartbeat")
        victim = cluster.status().pid
        os.kill(victim, signal.SIGKILL)
        worker.wait_for("PostgreSQL had died; it runs again")
        assert cluster.status().pid not in (None, victim)
        wait_until(lambda: (last_beat() or before) > before, "a task executed afterwards", 40)
        cluster.stop()
        worker.wait_for("the database does not answer", times=4)
        assert not cluster.status().running  # stopped on purpose: nobody starts it behind our back
    finally:
        if worker is not None:
            worker.stop()
        cluster.destroy()
        shutil.rmtree(folder)
    assert processes.titled(str(folder)) == set()
