"""Real workers on the tests' own database."""

import pytest

from tests.contract.queue.real_worker import Worker, database_address


@pytest.fixture
def start_worker(transactional_db, tmp_path):
    """Starts workers that share one data folder, and stops those that still run."""
    started = []

    def start(*, stale=120, stop_within=10.0):
        worker = Worker(
            tmp_path / "data",
            stale=stale,
            stop_within=stop_within,
            env={"DATABASE_URL": database_address()},
        )
        started.append(worker)
        return worker.is_ready()

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.stop()


@pytest.fixture(scope="module")
def shared_worker(django_db_setup, django_db_blocker, tmp_path_factory):
    """One worker for all tests of a module that leave it alive."""
    with django_db_blocker.unblock():
        worker = Worker(
            tmp_path_factory.mktemp("worker") / "data",
            stale=120,
            stop_within=5.0,
            env={"DATABASE_URL": database_address()},
        )
        worker.is_ready()
        yield worker
        worker.stop()


@pytest.fixture
def marks(tmp_path):
    """The file in which jobs leave their marks; calling it gives the lines."""
    path = tmp_path / "marks"
    path.touch()

    class Marks:
        def __str__(self):
            return str(path)

        def __call__(self):
            return path.read_text().splitlines()

    return Marks()
