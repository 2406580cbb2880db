"""Make the prior that ships: invented catalogues, and a real one given by path."""

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mapping.domain.matching import training
from mapping.domain.matching.halves import in_first_half, without_some_items
from mapping.domain.matching.model import PRIOR_FILE, Model, prior
from mapping.domain.matching.worlds.catalogue import fresh_worlds, training_worlds
from mapping.management.commands import _suggestion_files as files


class Command(BaseCommand):
    help = (
        "Trains the prior over invented catalogues and, when given, over one half of a real one "
        "(a folder with left.csv, right.csv and matches.csv). The same data give the same file."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--real", type=Path, help="folder of a real catalogue to learn from")
        parser.add_argument("--out", type=Path, default=PRIOR_FILE, help="default: as shipped")
        parser.add_argument(
            "--keep-trees",
            action="store_true",
            help="keep the trees as shipped; only learn anew what a whole catalogue says",
        )
        parser.add_argument("--each", type=int, default=8, help="invented catalogues a kind")

    def handle(self, *args: Any, **options: Any) -> None:
        model = prior() if options["keep_trees"] else self._grown(options["real"], options["each"])
        body = training.settle(model, list(fresh_worlds())).to_bytes()
        options["out"].write_bytes(body)
        self.stdout.write(f"{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()}")

    def _grown(self, folder: Path | None, each: int) -> Model:
        lessons = [training.lesson(world) for world in (self._real(folder) if folder else ())]
        for world in training_worlds(each=each):
            lessons.append(training.lesson(world))
            self.stdout.write(
                f"{world.name}: {len(world.lefts)} variants, {len(world.rights)} items"
            )
        if not lessons:
            raise CommandError("--each 0 and no --real: nothing to learn from")
        notes = {"invented": each, "real": folder.name if folder else ""}
        return training.fit(lessons, notes=notes)

    def _real(self, folder: Path) -> list[training.World]:
        """The first half of a real catalogue: as it is, and with items of some variants hidden."""
        lefts = list(files.records(folder / "left.csv"))
        rights = list(files.records(folder / "right.csv"))
        answers = files.matches(
            folder / "matches.csv", {r.id for r in lefts}, {r.id for r in rights}
        )
        half = [r for r in lefts if in_first_half(r.id)]
        own = {r.id: answers.get(r.id, frozenset()) for r in half}
        # Items of the other half stay: they are what a variant can be taken for.
        worlds = []
        for number in range(4):
            kept, left = without_some_items(rights, own, share=0.3 if number else 0.0, seed=number)
            worlds.append(training.World(f"real-{number}", "real", half, kept, left, weight=1.0))
        return worlds
