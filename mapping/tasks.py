"""What django-q2 runs for this room: each task makes one service call and may run twice."""

from django.utils import timezone

from mapping.models import ImportedFile
from mapping.services import automatic, imports, models, ranking, twice

now = timezone.now


def rank() -> None:
    """Rank what is new or changed, then confirm what the strict rule is sure of."""
    ranking.rank_stale(clock=now)
    automatic.confirm_sure(at=now())


def learn() -> None:
    """Learn from what people decided, once there is enough of it."""
    models.learn(at=now())


def find_duplicates() -> None:
    """Compare items that are new or changed with the whole master."""
    twice.find(clock=now)


def check_file(key: int) -> None:
    imports.check_file(file=ImportedFile.objects.get(pk=key), at=now())


def apply_file(key: int) -> None:
    imports.apply_file(file=ImportedFile.objects.get(pk=key), at=now())


def sweep_files() -> None:
    """A worker may die over a file: what was begun is taken up again."""
    for key in imports.stuck():
        file = ImportedFile.objects.get(pk=key)
        if file.state == ImportedFile.State.WAITING:
            imports.check_file(file=file, at=now())
        else:
            imports.apply_file(file=file, at=now())
