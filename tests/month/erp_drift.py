"""Drift that the ERP's people make, and put right: the answers stay here."""

import random
from dataclasses import dataclass

from sync.domain.documents import DocumentKind, DocumentState, LineKind, PostedDocument
from tests.month.drift import DOCUMENTS, Verdict
from tests.month.world import World
from tests.sandbox.marketplacer.ids import global_id


@dataclass(frozen=True)
class Planted:
    """What was done to an order's invoice; `invoice` is the marketplace's id of the order."""

    drift: str
    invoice: str
    before: str  # refs in the ERP
    after: str


def plant(world: World, kinds: list[str], seed: int) -> list[Planted]:
    """Make each of these mistakes on an invoice of its own; raises LookupError without one.

    Orders that something was given back of are left alone: their credit note names the invoice.
    """
    chance = random.Random(f"{seed}-documents")
    ids = {
        global_id("Invoice", row["number"])
        for row in world.sandbox.store.all("Invoice")
        if not row["amendmentNumbers"] and "CANCELLED" not in row["statusFlags"]
    }
    found = world.erp.find_documents(sorted(ids))
    whole = [documents[0] for _, documents in sorted(found.items()) if len(documents) == 1]
    fitting = [one for one in whole if _fits(one)]
    if len(fitting) < len(kinds):
        raise LookupError(f"{len(kinds)} invoices are wanted, {len(fitting)} fit")
    chosen = chance.sample(fitting, len(kinds))
    return [
        Planted(kind, document.order_key, document.ref, _act(world, kind, document))
        for kind, document in zip(kinds, chosen, strict=True)
    ]


def judge(planted: list[Planted], seen: list[tuple[str, str, str]]) -> Verdict:
    """Hold the differences (order, cause, sentence) against what was done to the documents."""
    verdict = Verdict(planted=len(planted))
    left = list(seen)
    for one in planted:
        mine = [row for row in left if row[0] == one.invoice]
        causes = {cause for _, cause, _ in mine}
        left = [row for row in left if row[0] != one.invoice]
        if causes == {DOCUMENTS[one.drift]}:
            verdict.found += 1
            continue
        verdict.wrong_cause += bool(causes)
        words = ", ".join(f"{cause}: {sentence}" for _, cause, sentence in mine)
        verdict.missed.append(
            f"{one.drift} at {one.invoice}" + (f", called {words}" if words else "")
        )
    verdict.false_alarms = [f"{cause}: {sentence}" for _, cause, sentence in left]
    return verdict


def repair(world: World, planted: list[Planted]) -> None:
    """Take back what is wrong and post what was right."""
    for one in planted:
        world.erp.cancel_invoice(one.after)
        if one.drift != "invoice_doubled":
            world.erp.post_again(one.before)


def _fits(document: PostedDocument) -> bool:
    """Posted, of two or more lines of goods, the first one taxed."""
    goods = [line for line in document.lines if not _is_other(line.line_key)]
    return (
        document.kind is DocumentKind.INVOICE
        and document.state in (DocumentState.POSTED, DocumentState.PAID)
        and len(goods) > 1
        and goods[0].tax_codes == ("GB-STD",)
    )


def _is_other(key: str) -> bool:
    return key.startswith(f"{LineKind.SHIPPING}:") or key == LineKind.ROUNDING


def _act(world: World, kind: str, document: PostedDocument) -> str:
    erp = world.erp
    match kind:
        case "invoice_doubled":
            return erp.double_invoice(document.ref)
        case "invoice_line_missing":
            return erp.shorten_invoice(document.ref)
        case "invoice_price_changed":
            return erp.replace_invoice(document.ref, document.lines[0].unit_price)
        case "invoice_tax_code_changed":
            return erp.retax_invoice(document.ref, "GB-ZERO")
    raise ValueError(f"no drift is called {kind}")
