"""Measure the suggestions on two CSV files whose right answers are known."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mapping.domain.matching.halves import in_first_half, without_some_items
from mapping.domain.matching.metrics import Report, report
from mapping.domain.matching.simulation import Lap, rehearse
from mapping.domain.suggestions import Catalogue, Model, Record, duplicates
from mapping.management.commands import _suggestion_files as files
from mapping.management.commands.rank_suggestions import stored_model

Answers = Mapping[str, frozenset[str]]


class Command(BaseCommand):
    help = (
        "Prints recall, MRR, precision and coverage of automatic confirmation and the calibration "
        "error. Needs no database. The same code path as the screen."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--left", type=Path, required=True, help="marketplace variants (CSV)")
        parser.add_argument("--right", type=Path, required=True, help="ERP items (CSV)")
        parser.add_argument("--matches", type=Path, required=True, help="left_id,right_id (CSV)")
        parser.add_argument("--model", type=Path, help="a stored model; default: as shipped")
        parser.add_argument(
            "--half",
            choices=["all", "held-out", "taught"],
            default="all",
            help="only the half of the variants that the training command leaves alone, or takes",
        )
        parser.add_argument(
            "--hide", type=float, default=0.0, help="hide the items of this share of the variants"
        )
        parser.add_argument(
            "--learning", action="store_true", help="simulate 200 and 500 decisions"
        )
        parser.add_argument("--duplicates", type=Path, help="right_id_a,right_id_b (CSV)")
        parser.add_argument("--json", type=Path, help="write the figures there too")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["hide"] < 1:
            raise CommandError("--hide must lie between 0 and 1")
        model = stored_model(options["model"])
        lefts = list(files.records(options["left"]))
        rights = list(files.records(options["right"]))
        answers: Answers = files.matches(
            options["matches"], {r.id for r in lefts}, {r.id for r in rights}
        )
        if options["half"] != "all":
            wanted = options["half"] == "taught"
            lefts = [r for r in lefts if in_first_half(r.id) == wanted]
        if not lefts:
            raise CommandError(f"{options['left']}: no variants to rank")
        if options["hide"]:
            own = {r.id: answers.get(r.id, frozenset()) for r in lefts}
            rights, answers = without_some_items(rights, own, share=options["hide"], seed=0)
        catalogue = Catalogue(rights)
        rankings = catalogue.rank(lefts, model=model, explain=False)
        found = report(rankings, answers)
        self._print(found, len(catalogue))
        figures: dict[str, Any] = asdict(found)
        if options["duplicates"]:
            figures["duplicates"] = self._duplicates(catalogue, model, options["duplicates"])
        if options["learning"]:
            figures["learning"] = self._learning(catalogue, lefts, answers, model)
        if options["json"]:
            options["json"].write_text(json.dumps(figures, indent=1) + "\n")

    def _print(self, r: Report, items: int) -> None:
        say = self.stdout.write
        say(f"{r.lefts} variants, {items} items; {r.with_answer} variants have an item")
        say(f"recall@1             {r.recall_1:.4f}")
        say(f"recall@5             {r.recall_5:.4f}")
        say(f"recall@10            {r.recall_10:.4f}")
        say(f"MRR                  {r.mrr:.4f}")
        say(f"F1 first item        {r.f1_first:.4f}  (confidence of 50 % or more)")
        say(f"F1 one to one        {r.f1_one_to_one:.4f}  (each item given to one variant)")
        say(f"auto precision       {r.auto_precision:.4f}  ({r.auto_wrong} wrong of {r.auto})")
        say(f"auto coverage        {r.auto_coverage:.4f}  (of all variants)")
        say(f"calibration error    {r.calibration_error:.4f}")
        say(f"Brier score          {r.brier:.4f}")
        say(f"no item likely       said {r.none_said}, right {r.none_right}, true {r.none_true}")
        say("confidence   variants   said   right")
        for n, (count, mean, share) in enumerate(r.bins):
            if count:
                say(f"{n / 10:.1f} to {(n + 1) / 10:.1f}   {count:>8}   {mean:.3f}  {share:.3f}")

    def _duplicates(self, catalogue: Catalogue, model: Model, path: Path) -> dict[str, float]:
        try:
            with path.open(newline="", encoding="utf-8-sig") as stream:
                known = {frozenset(row[:2]) for row in list(csv.reader(stream))[1:] if row}
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}") from error
        pairs = [p for g in duplicates(catalogue, model=model) for p in g.pairs]
        hits = sum(frozenset((p.left_id, p.right_id)) in known for p in pairs)
        precision = hits / len(pairs) if pairs else 1.0
        recall = hits / len(known) if known else 1.0
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        self.stdout.write(
            f"duplicates           precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f} "
            f"({len(pairs)} pairs found, {len(known)} known)"
        )
        return {"precision": precision, "recall": recall, "f1": f1}

    def _learning(
        self, catalogue: Catalogue, lefts: Sequence[Record], answers: Answers, model: Model
    ) -> list[dict[str, Any]]:
        laps = rehearse(catalogue, lefts, answers, model)
        self.stdout.write("decisions    recall@1   calibration error   Brier    swapped in")
        for lap in laps:
            self.stdout.write(
                f"{_label(lap):<12} {lap.recall_1:<10.4f} {lap.calibration_error:<19.4f} "
                f"{lap.brier:.4f}   {_swapped(lap)}"
            )
        return [asdict(lap) for lap in laps]


def _label(lap: Lap) -> str:
    return f"{lap.decisions} {'random' if lap.random else ''}".strip()


def _swapped(lap: Lap) -> str:
    if not lap.decisions:
        return "as it was"
    return "yes" if lap.swapped else f"no: {lap.reason}"
