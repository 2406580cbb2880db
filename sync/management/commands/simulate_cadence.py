"""`manage.py simulate_cadence`: telling by risk against fixed intervals, same demand and budget."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.domain import demand_file
from sync.domain.demand import Demand, generate
from sync.domain.shop import Outcome
from sync.domain.simulation import Comparison, compare, total

_SKUS, _HOURS = 500, 48.0


class Command(BaseCommand):
    help = (
        "Compare telling stock by risk with telling it at fixed intervals: on the same demand, "
        "recorded or generated, and within the same budget of calls. Reads no database and "
        "changes nothing. docs/cadence.md states the model."
    )
    requires_system_checks = ()

    def create_parser(self, *args: Any, **options: Any) -> Any:
        """The parser, with the form of `--orders` kept as it is written."""
        parser = super().create_parser(*args, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "the file of --orders:\n\n" + demand_file.HELP
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--orders", metavar="FILE", help="recorded demand, a CSV file; - is standard input"
        )
        parser.add_argument("--seed", type=int, default=1, help="of what is generated (default 1)")
        parser.add_argument(
            "--seeds",
            type=_whole,
            default=1,
            help="over so many seeds, from --seed on: units and calls are sums (default 1)",
        )
        parser.add_argument(
            "--skus",
            type=_whole,
            help=f"how many to generate (default {_SKUS}); of a file, only its first so many",
        )
        parser.add_argument(
            "--hours",
            type=_positive,
            help=f"how long it runs (default {_HOURS:g}; of a file, all of it)",
        )
        parser.add_argument(
            "--budget", type=_number, default=10.0, help="calls per hour (default 10; 0 is none)"
        )
        parser.add_argument(
            "--batch",
            type=_whole,
            default=20,
            help="how many levels one call can carry (default 20); a call costs one, full or not",
        )
        parser.add_argument(
            "--intervals",
            type=_intervals,
            default=[5.0, 15.0, 30.0, 60.0, 120.0, 240.0],
            metavar="MINUTES",
            help="the fixed intervals, as 5,15,60 (default 5,15,30,60,120,240)",
        )
        parser.add_argument(
            "--starts",
            type=_whole,
            default=4,
            help="a fixed interval's figures are the mean over so many first moments (default 4)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seeds"] > 1 and options["orders"] == "-":
            raise CommandError("standard input is read once: name a file, or one seed")
        comparisons: list[Comparison] = []
        for number in range(options["seeds"]):
            demand = self._demand({**options, "seed": options["seed"] + number})
            comparisons.append(
                compare(
                    demand,
                    calls_per_hour=options["budget"],
                    minutes=options["intervals"],
                    batch=options["batch"],
                    starts=options["starts"],
                )
            )
        found = comparisons[0] if len(comparisons) == 1 else total(comparisons)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found, demand, options)))
            return
        self._table(found, demand, options)

    def _demand(self, options: dict[str, Any]) -> Demand:
        if options["orders"] is None:
            return generate(
                seed=options["seed"],
                skus=options["skus"] or _SKUS,
                hours=options["hours"] or _HOURS,
            )
        given = {name: options[name] for name in ("seed", "skus", "hours")}
        try:
            if options["orders"] == "-":
                return demand_file.read(sys.stdin, **given)
            with Path(options["orders"]).open(encoding="utf-8-sig", newline="") as lines:
                return demand_file.read(lines, **given)
        except demand_file.BadDemand as error:
            raise CommandError(f"{options['orders']}:\n{error}") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{options['orders']} is not UTF-8: save it as UTF-8") from error
        except OSError as error:
            raise CommandError(f"{options['orders']}: {error.strerror}: name a CSV file") from error

    def _table(self, found: Comparison, demand: Demand, options: dict[str, Any]) -> None:
        over = f", {options['seeds']} seeds together" if options["seeds"] > 1 else ""
        self.stdout.write(
            f"{len(demand.skus)} SKUs, {demand.hours:.4g} hours, at most {options['budget']:g} "
            f"calls per hour of up to {options['batch']} levels{over}\n\n"
            f"{'':<16}{'calls':>9}{'oversold':>10}{'missed':>9}{'stale':>9}   "
            "ours with that one's calls"
        )
        self.stdout.write(
            f"{'policy':<16}{'':>9}{'units':>10}{'units':>9}{'minutes':>9}   "
            f"{'calls':>9}{'oversold':>10}"
        )
        self.stdout.write(_row(found.ours))
        for fixed, paced in zip(found.fixed, found.paced, strict=True):
            row = _row(fixed)
            self.stdout.write(
                f"{row}   {_figure(paced.calls):>9}{_figure(paced.oversold_units):>10}"
            )


def _row(each: Outcome) -> str:
    figures = (each.oversold_units, each.missed_units)
    return (
        f"{each.name:<16}{_figure(each.calls):>9}{_figure(figures[0]):>10}"
        f"{_figure(figures[1]):>9}{each.stale_minutes:>9.1f}"
    )


def _figure(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _as_json(found: Comparison, demand: Demand, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "budget": options["budget"],
        "seed": options["seed"],
        "seeds": options["seeds"],
        "skus": len(demand.skus),
        "hours": round(demand.hours, 4),
        "batch": options["batch"],
        "policies": [_plain(each) for each in (found.ours, *found.fixed)],
        # Ours again, each time with no more calls than that fixed interval had made so far.
        "equal_calls": [
            {"name": fixed.name, "fixed": _plain(fixed), "ours": _plain(paced)}
            for fixed, paced in zip(found.fixed, found.paced, strict=True)
        ],
    }


def _plain(each: Outcome) -> dict[str, Any]:
    """Figures without a needless fraction: a count that is whole is written as one."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in asdict(each).items()
    }


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 <= value <= 1e9:
        raise ArgumentTypeError(f"{text!r} must lie between 0 and 1000000000")
    return value


def _positive(text: str) -> float:
    if (value := _number(text)) == 0:
        raise ArgumentTypeError("must be more than 0")
    return value


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 10_000_000:
        raise ArgumentTypeError(f"{text!r}: write a whole number from 1 to 10000000")
    return int(text)


def _intervals(text: str) -> list[float]:
    found = [_positive(part.strip()) for part in text.split(",") if part.strip()]
    if not found:
        raise ArgumentTypeError("name at least one interval in minutes, as 5,15,60")
    return found
