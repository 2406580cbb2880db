"""The proof: trade, plant, reconcile, judge; and the table of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciliation.services import runs
from sync.models import ExceptionCase
from sync.services import payouts, pulls
from tests.month import books, drift, erp_drift, sums, trading
from tests.month.trading import trade, work
from tests.month.world import World
from tests.sandbox.erp import Tryton
from tests.sandbox.marketplacer import payouts_files


@dataclass(frozen=True)
class Found:
    """What came out. `apart` are pence by which the far sides differ, by seller and tax code."""

    orders: int
    invoices: int
    refunds: int
    verdict: drift.Verdict
    left: tuple[drift.Seen, ...]  # what stands after everything was put right
    cases: tuple[str, ...]  # other exceptions that stay open, in their own words
    apart_by_seller: dict[int, int]
    taxed: int  # orders whose tax was compared, code by code
    apart_by_code: dict[tuple[int, int, str], int]  # by seller, order and tax code
    clearing_unexplained: int
    unmoved: tuple[str, ...]  # mistakes in spite of which every board held
    blocking: dict[str, str]  # facts of the month's board that do not hold in the end
    refused: str  # why the month could not be closed

    @property
    def proved(self) -> bool:
        """Whether all was found, nothing else flagged, and the far sides are equal."""
        v = self.verdict
        loose = v.missed or v.false_alarms or v.wrong_cause or self.left or self.cases
        apart = self.apart_by_seller or self.apart_by_code
        return not (loose or apart or self.clearing_unexplained) and self.board == "green"

    @property
    def board(self) -> str:
        """green: it was not while anything planted stood, it is now, and the month is closed."""
        return "red" if self.unmoved or self.blocking or self.refused else "green"

    def summary(self) -> dict[str, Any]:
        """The last line, for machines."""
        v = self.verdict
        return {
            "planted": v.planted,
            "found": v.found,
            "wrong_cause": v.wrong_cause,
            "false_alarms": len(v.false_alarms),
            "clearing_unexplained": self.clearing_unexplained,
            "board": self.board,
        }

    def table(self) -> Iterator[str]:
        """For people."""
        v = self.verdict
        yield f"orders {self.orders:,}, invoices {self.invoices:,}, refunds {self.refunds:,}"
        yield f"planted {v.planted}, found {v.found}, wrong cause {v.wrong_cause}"
        yield from (f"  not found: {words}" for words in v.missed)
        yield f"false alarms {len(v.false_alarms)}"
        yield from (f"  {words}" for words in v.false_alarms[:20])
        yield f"left after putting right {len(self.left)}"
        yield from (f"  {one.cause} of {one.amount}: {one.sentence}" for one in self.left[:20])
        yield f"other open cases {len(self.cases)}"
        yield from (f"  {words}" for words in self.cases[:20])
        yield f"ERP less marketplace, pence by seller: {self.apart_by_seller or 'equal'}"
        yield f"clearing account, pence unexplained: {self.clearing_unexplained}"
        apart = self.apart_by_code
        yield f"tax by code, {self.taxed:,} orders: {f'{len(apart)} APART' if apart else 'equal'}"
        yield from (
            f"  INV-{number} {code} by {amount}"
            for (_, number, code), amount in list(apart.items())[:20]
        )
        yield f"close board: {self.board}"
        yield from (f"  held in spite of {words}" for words in self.unmoved)
        yield from (f"  {code}: {words}" for code, words in self.blocking.items())
        if self.refused:
            yield f"  not closed: {self.refused}"


def prove(
    *,
    seed: int,
    orders: int,
    plants: Sequence[dict[str, Any]],
    say: Callable[[str], None],
    days: int = trading.DAYS,
    tryton: Tryton | None = None,
) -> Found:
    """Trade a month, then settle it step by step; what is planted in each is judged and put right.

    A mistake is put right where it was made before the next step is taken, as people do: what has
    been released or paid does not change any more.
    """
    verdict, unmoved = drift.Verdict(), []
    with World(seed, tryton) as world:
        world.set_up()
        books.set_rules(world)
        say("the company is set up")
        trade(world, orders, say, days)
        market, settled = world.sandbox, trading.last_settlement(world)
        at_market = [row for row in plants if row["kind"] not in drift.DOCUMENTS]
        if at_market:
            market.plant(plants=at_market, seed=seed)
        for step, waits in settled:
            if step is not None:
                step()
            world.go_to(world.at + waits)
            reconcile(world)
            names = [row["drift"] for row in market.planted()]
            seen = drift.judge(world, drift.standing())
            say(f"planted {names or 'nothing'}: found {seen.found}")
            verdict += seen
            unmoved += _unmoved(world, names, "residues")
            market.repair()
        waiting = [row["drift"] for row in market.store.all("Plant") if row["state"] == "WAITING"]
        verdict.missed += [f"{kind}: nothing in this month fits it" for kind in waiting]
        market.gateway_pays()
        world.go_to(world.at + trading.DAY)
        reconcile(world)
        verdict += _documents(world, plants, seed, say, unmoved)
        left = drift.standing()
        say(f"put right: {len(left)} differences stand")
        return _found(world, verdict, left, unmoved, say)


def _unmoved(world: World, names: Sequence[str], fact: str) -> list[str]:
    """These mistakes, when no period's board shows that this fact does not hold."""
    shown = any(fact in codes for codes in books.broken(world).values())
    return [] if shown else list(names)


def _documents(
    world: World,
    plants: Sequence[dict[str, Any]],
    seed: int,
    say: Callable[[str], None],
    unmoved: list[str],
) -> drift.Verdict:
    """Mistakes in the ERP's documents: made, looked for, put right; then cents are approved."""
    books.compare(world)
    kinds = [str(row["kind"]) for row in plants if row["kind"] in drift.DOCUMENTS]
    planted = erp_drift.plant(world, kinds, seed)
    world.go_to(world.at + trading.DAY)
    books.compare(world)
    verdict = erp_drift.judge(planted, books.standing())
    say(f"planted {kinds or 'nothing'}: found {verdict.found}")
    unmoved += _unmoved(world, kinds, "differences")
    erp_drift.repair(world, planted)
    world.go_to(world.at + trading.DAY)
    books.compare(world)
    edited = books.dismiss_edits(world, [ref for one in planted for ref in (one.before, one.after)])
    say(f"{edited} edits seen, {books.approve(world)} adjustments approved")
    world.go_to(world.at + timedelta(minutes=10))
    books.book(world)
    reconcile(world)
    books.compare(world)
    return verdict


def reconcile(world: World) -> None:
    """Read what both far sides hold, load the bank's and the gateway's files, and match."""
    work(world)
    payouts.sweep_remittances(clock=world.now)
    payouts.pull_advices(clock=world.now)
    payouts.process(clock=world.now)
    store = world.sandbox.store
    world.load("statement.csv", payouts_files.bank_csv(store))
    world.load("gateway.csv", payouts_files.gateway_csv(store))
    runs.run(at=world.now())
    books.book(world)


def _found(
    world: World,
    verdict: drift.Verdict,
    left: Sequence[drift.Seen],
    unmoved: Sequence[str],
    say: Callable[[str], None],
) -> Found:
    books.count_the_days(world)
    pulls.pull_invoices(clock=world.now)
    books.compare(world)
    blocking = books.broken(world)[f"{world.first:%b %Y}"]
    refused = books.close(world)
    say(f"the board: {blocking or 'every fact holds'}; {refused or 'closed'}")
    theirs, ours = sums.marketplaces(world), sums.erps(world)
    others = ExceptionCase.objects.filter(state=ExceptionCase.State.OPEN).exclude(
        key__startswith="settlement:"
    )
    return Found(
        orders=world.counts["orders"],
        invoices=len(world.sandbox.store.all("Invoice")),
        refunds=world.counts["refunds"],
        verdict=verdict,
        left=tuple(left),
        cases=tuple(
            f"{case.kind}: {case.cause} {case.quote}".strip()
            for case in others.order_by("kind", "pk")
        ),
        apart_by_seller=sums.apart(theirs.by_seller, ours.by_seller),
        taxed=len({number for _, number, _ in theirs.tax}),
        apart_by_code=sums.apart(theirs.tax, ours.tax),
        clearing_unexplained=books.unexplained(world),
        unmoved=tuple(unmoved),
        blocking=blocking,
        refused=refused,
    )
