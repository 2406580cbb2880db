"""`manage.py allocation_report`: how often tax is a cent off, shared out pro rata and by us."""

import json
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.domain import basket_form, sample_baskets
from sync.domain.allocation import Allocation, allocate, usual
from sync.domain.basket_form import NamedBasket
from sync.domain.baskets import Basket, erp_lines
from sync.domain.tax import Level, predict

_SHOWN_FAULTS = 20


class _Formatter(RawDescriptionHelpFormatter):
    """Keeps the form of a basket as it is written."""


class Command(BaseCommand):
    help = (
        "Compare the usual allocation of shipping (pro rata) with the penny-exact one, over "
        "generated orders or a caller's own. Reads no database and changes nothing. An order has "
        "a cent difference when the ERP's tax is not the marketplace's, or its gross is not what "
        "the customer paid."
    )
    requires_system_checks = []

    def create_parser(self, *args: Any, **options: Any) -> Any:
        """The parser, with the form of `--baskets` kept as it is written."""
        parser = super().create_parser(*args, **options)
        parser.formatter_class = _Formatter
        parser.epilog = "a basket of --baskets:\n\n" + basket_form.HELP
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=11, help="of the generated orders")
        parser.add_argument("--orders", type=int, default=10_000, help="how many to generate")
        parser.add_argument(
            "--mixed",
            type=int,
            default=100,
            metavar="PERCENT",
            help="of the generated orders have goods of at least two tax rates (default 100); in "
            "the others shipping is one line, and there is nothing to choose",
        )
        parser.add_argument(
            "--goods-latitude",
            type=int,
            default=0,
            metavar="UNITS",
            help="how far the net of a generated goods line may move, where the ERP rounds per "
            "line (default 0; posted orders use 1)",
        )
        parser.add_argument("--baskets", type=Path, metavar="FILE", help="take these; - is stdin")
        parser.add_argument("--json", action="store_true", help="one JSON object on one line")
        parser.add_argument(
            "--each", action="store_true", help="before that, one JSON line for each order"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for named in self._baskets(options):
            before, ours = usual(named.basket), allocate(named.basket)
            counts["orders"] += 1
            counts["cent_differences_pro_rata"] += _differs(named.basket, before)
            counts["cent_differences_ours"] += _differs(named.basket, ours)
            counts["provably_impossible"] += ours.why is not None
            if ours.why is not None:
                reasons[ours.why] += 1
                counts["goods_alone"] += bool(ours.goods_alone)
            if options["each"]:
                self.stdout.write(json.dumps(_row(named, before, ours)))
        summary = {
            name: counts[name]
            for name in (
                "orders",
                "cent_differences_pro_rata",
                "cent_differences_ours",
                "provably_impossible",
            )
        }
        if options["json"]:
            self.stdout.write(json.dumps(summary))
            return
        for name, value in summary.items():
            share = f"{value / max(1, counts['orders']):>9.2%}" if name != "orders" else ""
            self.stdout.write(f"{name.replace('_', ' '):<28}{value:>9,}{share}")
        for reason, words in _WORDS.items():
            self.stdout.write(f"  {words:<26}{reasons[reason]:>9,}")
        self.stdout.write(f"  {'goods lines miss alone':<26}{counts['goods_alone']:>9,}")
        self.stdout.write(f"{'seconds':<28}{time.monotonic() - began:>9.1f}")

    def _baskets(self, options: dict[str, Any]) -> Iterator[NamedBasket]:
        if options["baskets"] is not None:
            yield from _read(options["baskets"])
            return
        if options["orders"] < 1:
            raise CommandError("--orders: write a number above zero.")
        if not 0 <= options["mixed"] <= 100:
            raise CommandError("--mixed: write a percentage from 0 to 100.")
        if not 0 <= options["goods_latitude"] <= 5:
            raise CommandError("--goods-latitude: write a number from 0 to 5.")
        generated = sample_baskets.generate(
            seed=options["seed"], orders=options["orders"], mixed=options["mixed"]
        )
        for number, (market, basket) in enumerate(generated, 1):
            if basket.arithmetic.level is Level.LINE:
                basket = replace(basket, goods_latitude=options["goods_latitude"])
            yield NamedBasket(str(number), market.currency, 0, basket)


_WORDS = {
    "bound": "a wider bound would do",
    "goods": "no shares: the goods miss",
    "shipping": "no shares at any bound",
}


def _read(path: Path) -> list[NamedBasket]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    try:
        return basket_form.read(text)
    except basket_form.FormError as error:
        faults = list(error.faults[:_SHOWN_FAULTS])
        if more := len(error.faults) - len(faults):
            faults.append(f"... and {more} more")
        raise CommandError("Nothing was computed:\n  " + "\n  ".join(faults)) from error


def _differs(basket: Basket, answer: Allocation) -> bool:
    """Whether the ERP's document is off, recomputed from its lines and not from the search."""
    lines = erp_lines(basket, answer.goods_nets, {one.rate: one.net for one in answer.shares})
    erp = predict(lines, basket.arithmetic)
    far = any(abs(one.net - one.pro_rata) > basket.bound for one in answer.shares)
    return (erp.tax, erp.gross) != (basket.tax_total, basket.paid) or (
        # A document beyond the bound is nobody's; pro rata in whole units never is.
        answer.why is not None and far
    )


def _row(named: NamedBasket, before: Allocation, ours: Allocation) -> dict[str, Any]:
    """One order for a machine; shares are net amounts by tax code, deviations exact fractions."""
    return {
        "id": named.name,
        "pro_rata": _figures(before),
        "ours": _figures(ours),
        "impossible": ours.why is not None,
        "why": ours.why,
        "goods_alone": ours.goods_alone,
        "needed_bound": ours.needed_bound,
    }


def _figures(answer: Allocation) -> dict[str, Any]:
    return {
        "goods_nets": list(answer.goods_nets),
        "shares": {one.rate.code: one.net for one in answer.shares},
        "deviation": str(answer.deviation),
        "tax": answer.prediction.tax,
        "gross": answer.prediction.gross,
        "residue": answer.residue,
        "tax_miss": answer.tax_miss,
    }
