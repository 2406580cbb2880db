"""The month's sums, recomputed from what the two far sides hold; our own tables are not asked."""

from collections import Counter
from dataclasses import dataclass

from mapping.models import AccountRole
from mkterp.core.money import to_minor
from sync.domain.documents import DocumentState, LedgerQuery
from tests.month.world import ACCOUNTS, World
from tests.sandbox.marketplacer.ids import global_id


@dataclass(frozen=True)
class Sums:
    """Pence by seller (sales less refunds, tax contained), and tax by ERP tax code.

    Tax is that of orders nothing was given back of: Marketplacer's refunds state no tax.
    """

    by_seller: dict[int, int]
    tax_by_code: dict[str, int]


def marketplaces(world: World) -> Sums:
    """What was sold and given back, as the sandbox has it."""
    store = world.sandbox.store
    by_seller: Counter[int] = Counter()
    by_code: Counter[str] = Counter()
    for invoice in store.all("Invoice"):
        if "CANCELLED" in invoice["statusFlags"] or invoice["paidAt"] is None:
            continue
        by_seller[invoice["sellerNumber"]] += invoice["totalCents"]
        for number in invoice["lineNumbers"] if not invoice["amendmentNumbers"] else ():
            line = store.need("LineItem", number)
            by_code["GB-STD" if line["taxRate"] else "GB-ZERO"] += line["taxTotalCents"]
            by_code["GB-STD"] += line["postageTaxCents"]  # at the platform's one rate
        for number in invoice["amendmentNumbers"]:
            rows = store.need("InvoiceAmendment", number)["rows"]
            by_seller[invoice["sellerNumber"]] += sum(row["totalCents"] for row in rows)
    return Sums(_plain(by_seller), _plain(by_code))


def erps(world: World) -> Sums:
    """What stands in the ERP's ledger: documents, and the cents that finance approved."""
    invoices = {
        global_id("Invoice", row["number"]): row for row in world.sandbox.store.all("Invoice")
    }
    by_seller: Counter[int] = Counter()
    by_code: Counter[str] = Counter()
    found = world.erp.find_documents(list(invoices))
    for key, documents in found.items():
        for document in documents:
            if document.state in (DocumentState.DRAFT, DocumentState.CANCELLED):
                continue
            by_seller[invoices[key]["sellerNumber"]] += to_minor(document.gross, document.currency)
            if not invoices[key]["amendmentNumbers"]:
                for tax in document.taxes:
                    by_code[tax.tax_code] += to_minor(tax.amount, document.currency)
    by_code.update(_approved(world, invoices))
    return Sums(_plain(by_seller), _plain(by_code))


def _approved(world: World, invoices: dict[str, dict]) -> Counter:
    """Pence that approved adjustments moved onto each tax code's account, as the ledger has them.

    Each stands as a line on the clearing account that names its order and code; the tax account
    has the opposite.
    """
    untouched = {f"INV-{r['number']}" for r in invoices.values() if not r["amendmentNumbers"]}
    found: Counter[str] = Counter()
    query = LedgerQuery(accounts=(ACCOUNTS[AccountRole.TAX_ADJUSTMENT],))
    for line in world.erp.ledger_lines(query, None).rows:
        order, _, rest = line.memo.partition(" ")
        code = rest.rpartition(" of ")[2]
        if line.journal_key.startswith("tax:") and order in untouched:
            found[code] += to_minor(line.debit - line.credit, "GBP")
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
