"""The month's sums, recomputed from what the two far sides hold; our own tables are not asked."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mapping.models import AccountRole
from mkterp.core.money import to_minor
from sync.domain.documents import DocumentState, LedgerQuery
from tests.month.world import ACCOUNTS, World
from tests.sandbox.marketplacer.ids import global_id


@dataclass(frozen=True)
class Sums:
    """Pence by seller (sales less refunds, tax contained), and tax by seller, order and ERP code.

    Tax is that of orders nothing was given back of: Marketplacer's refunds state no tax.
    """

    by_seller: dict[int, int]
    tax: dict[tuple[int, int, str], int]


def marketplaces(world: World) -> Sums:
    """What was sold and given back, as the sandbox has it."""
    store = world.sandbox.store
    by_seller: Counter[int] = Counter()
    taxes: Counter[tuple[int, int, str]] = Counter()
    for invoice in store.all("Invoice"):
        if "CANCELLED" in invoice["statusFlags"] or invoice["paidAt"] is None:
            continue
        seller, number = invoice["sellerNumber"], invoice["number"]
        by_seller[seller] += invoice["totalCents"]
        for row in invoice["lineNumbers"] if not invoice["amendmentNumbers"] else ():
            line = store.need("LineItem", row)
            code = "GB-STD" if line["taxRate"] else "GB-ZERO"
            taxes[seller, number, code] += line["taxTotalCents"]
            # At the platform's one rate.
            taxes[seller, number, "GB-STD"] += line["postageTaxCents"]
        for row in invoice["amendmentNumbers"]:
            rows = store.need("InvoiceAmendment", row)["rows"]
            by_seller[seller] += sum(one["totalCents"] for one in rows)
    return Sums(_plain(by_seller), _plain(taxes))


def erps(world: World) -> Sums:
    """What stands in the ERP's ledger: documents, and the cents that finance approved."""
    invoices = {
        global_id("Invoice", row["number"]): row for row in world.sandbox.store.all("Invoice")
    }
    by_seller: Counter[int] = Counter()
    taxes: Counter[tuple[int, int, str]] = Counter()
    for key, documents in world.erp.find_documents(list(invoices)).items():
        seller, number = invoices[key]["sellerNumber"], invoices[key]["number"]
        for document in documents:
            if document.state in (DocumentState.DRAFT, DocumentState.CANCELLED):
                continue
            by_seller[seller] += to_minor(document.gross, document.currency)
            if not invoices[key]["amendmentNumbers"]:
                for tax in document.taxes:
                    taxes[seller, number, tax.tax_code] += to_minor(tax.amount, document.currency)
    taxes.update(_approved(world, invoices.values()))
    return Sums(_plain(by_seller), _plain(taxes))


def _approved(world: World, invoices: Any) -> Counter:
    """Pence that approved adjustments moved onto each tax code's account, as the ledger has them.

    Each stands as a line on the clearing account that names its order and code; the tax account
    has the opposite.
    """
    untouched = {f"INV-{one['number']}": one for one in invoices if not one["amendmentNumbers"]}
    found: Counter[tuple[int, int, str]] = Counter()
    query = LedgerQuery(accounts=(ACCOUNTS[AccountRole.TAX_ADJUSTMENT],))
    for line in world.erp.ledger_lines(query, None).rows:
        order, _, rest = line.memo.partition(" ")
        _, named, code = rest.rpartition(" of ")
        if line.journal_key.startswith("tax:") and named and order in untouched:
            one = untouched[order]
            found[one["sellerNumber"], one["number"], code] += to_minor(
                line.debit - line.credit, "GBP"
            )
    return found


def apart(one: dict, other: dict) -> dict:
    """Where two tables differ, the second less the first."""
    keys = one.keys() | other.keys()
    return {
        key: other.get(key, 0) - one.get(key, 0)
        for key in sorted(keys)
        if one.get(key, 0) != other.get(key, 0)
    }


def _plain(counted: Counter) -> dict:
    return {key: value for key, value in counted.items() if value}
