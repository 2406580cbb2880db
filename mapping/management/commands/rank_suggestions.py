"""Rank the items of one CSV file for each variant of another."""

import csv
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mapping.domain.suggestions import Catalogue, Model, UnreadableModel, prior
from mapping.management.commands import _suggestion_files as files


def stored_model(path: Path | None) -> Model:
    """The model in a file, or the one shipped."""
    if path is None:
        return prior()
    try:
        return Model.from_bytes(path.read_bytes())
    except (OSError, UnreadableModel) as error:
        raise CommandError(f"{path}: {error}") from error


class Command(BaseCommand):
    help = (
        "Writes left_id,right_id,rank,confidence,auto: up to 10 items for each variant. Needs no "
        "database and writes the whole file or nothing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--left", type=Path, required=True, help="marketplace variants (CSV)")
        parser.add_argument("--right", type=Path, required=True, help="ERP items (CSV)")
        parser.add_argument("--out", type=Path, required=True, help="where the ranking goes (CSV)")
        parser.add_argument("--limit", type=int, default=10, help="items a variant, 1 to 10")
        parser.add_argument("--model", type=Path, help="a stored model; default: as shipped")

    def handle(self, *args: Any, **options: Any) -> None:
        limit = options["limit"]
        if not 1 <= limit <= 10:
            raise CommandError("--limit must lie between 1 and 10")
        model = stored_model(options["model"])
        lefts = list(files.records(options["left"]))
        catalogue = Catalogue(files.records(options["right"]))
        out: Path = options["out"]
        part = out.with_name(f"{out.name}.{os.getpid()}.part")
        counts = {"suggest": 0, "ambiguous": 0, "none_likely": 0}
        auto = 0
        try:
            with part.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(["left_id", "right_id", "rank", "confidence", "auto"])
                ranked = catalogue.iterate(lefts, limit=limit, model=model, explain=False)
                for ranking in ranked:
                    counts[ranking.verdict] += 1
                    for c in ranking.candidates:
                        auto += c.auto
                        writer.writerow(
                            [
                                ranking.left_id,
                                c.right_id,
                                c.rank,
                                f"{c.confidence:.6f}",
                                int(c.auto),
                            ]
                        )
            part.replace(out)
        except OSError as error:
            raise CommandError(f"{out}: cannot be written ({error.strerror})") from error
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(
            f"{len(lefts)} variants against {len(catalogue)} items: "
            f"{counts['suggest']} with a likely item, {counts['ambiguous']} with several alike, "
            f"{counts['none_likely']} probably without a master item; {auto} would be confirmed "
            "automatically."
        )
