"""What we build on django-q2, tried on a real cluster: HOUSE's facts about the queue must hold."""

import os
import signal
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from sync.models import OutboxMessage, TaskRun
from tests.contract.queue.real_worker import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

JOBS = "tests.contract.queue.jobs"


def make_messages(count):
    now = timezone.now()
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            lane=OutboxMessage.Lane.MARKETPLACER,
            operation="set_external_id",
            key=f"order-{number}",
            stream=f"order-{number}",
            reference=f"order {number}",
            payload={},
            queued_at=now,
            not_before=now,
        )
        for number in range(count)
    )


def all_delivered():
    return not OutboxMessage.objects.exclude(state=OutboxMessage.State.DELIVERED).exists()


def test_a_rolled_back_transaction_takes_its_task_with_it(shared_worker, marks):
    with transaction.atomic():
        async_task(f"{JOBS}.mark", path=str(marks), text="rolled back")
        transaction.set_rollback(True)
    with transaction.atomic():
        async_task(f"{JOBS}.mark", path=str(marks), text="committed")
    wait_until(marks, "the committed task")
    wait_until(lambda: OrmQ.objects.count() == 0, "its acknowledgement")
    assert marks() == ["committed"]


def test_a_task_of_a_killed_worker_comes_back_when_its_lock_ends(shared_worker, marks):
    async_task(f"{JOBS}.mark_pid", path=str(marks), seconds=30)
    wait_until(marks, "the task's begin")
    os.kill(int(marks()[0].split()[1]), signal.SIGKILL)
    locked = OrmQ.objects.get()
    assert locked.lock > timezone.now() + timedelta(minutes=10)
    # The fifteen minutes of the lock pass.
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    wait_until(lambda: len(marks()) == 2, "the task's second begin")
    assert marks()[1].startswith("began")
    assert marks()[1] != marks()[0]
    os.kill(int(marks()[1].split()[1]), signal.SIGKILL)


def test_a_failing_task_is_not_repeated_by_the_queue(shared_worker):
    async_task("tests.contract.queue.jobs.mark", path="/nowhere/at/all", text="never")
    failed = wait_until(Task.objects.filter(success=False).first, "the failure")
    wait_until(lambda: OrmQ.objects.count() == 0, "its acknowledgement")
    assert failed.attempt_count == 1


def test_how_a_scheduled_task_ended_is_written_when_its_result_is_stored(shared_worker):
    async_task("sync.tasks.canary")
    run = wait_until(TaskRun.objects.filter(task="sync.tasks.canary").first, "its good run")
    assert (run.succeeded_at is not None, run.failing_since) == (True, None)

    async_task("sync.tasks.canary", "nobody asked for this")
    wait_until(TaskRun.objects.exclude(failing_since=None).exists, "its crash")
    run.refresh_from_db()
    assert (run.error, run.succeeded_at is not None) == ("TypeError", True)

    async_task("sync.tasks.canary")
    wait_until(TaskRun.objects.filter(failing_since=None, error="").exists, "its recovery")
    wait_until(lambda: OrmQ.objects.count() == 0, "its acknowledgement")


def test_a_lane_that_is_woken_ten_times_delivers_each_message_once(shared_worker, marks):
    make_messages(20)
    for _ in range(10):
        async_task(f"{JOBS}.work_until_empty", path=str(marks), seconds=0.02)
    wait_until(all_delivered, "all messages delivered")
    wait_until(lambda: OrmQ.objects.count() == 0, "all ten tasks over")
    assert sorted(line.split()[0] for line in marks()) == sorted(f"order-{n}" for n in range(20))


def test_a_claim_of_a_killed_worker_is_taken_over_when_its_lease_ends(shared_worker, marks):
    make_messages(1)
    async_task(f"{JOBS}.work_until_empty", path=str(marks), seconds=60)
    wait_until(marks, "the call")
    os.kill(int(marks()[0].split()[1]), signal.SIGKILL)
    async_task(f"{JOBS}.work_until_empty", path=str(marks))
    wait_until(Task.objects.exists, "a task that finds the message leased")
    assert len(marks()) == 1
    OutboxMessage.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    async_task(f"{JOBS}.work_until_empty", path=str(marks))
    wait_until(all_delivered, "the message delivered")
    assert [line.split()[0] for line in marks()] == ["order-0", "order-0"]
    message = OutboxMessage.objects.get()
    assert (message.attempts, message.unrecorded, message.lease) == (2, 0, None)
