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

    def by_code(self, sellers: frozenset[int]) -> dict[str, int]:
        """The tax on the sales of these sellers, by code."""
        found: Counter[str] = Counter()
        for (seller, _, code), amount in self.tax.items():
            if seller in sellers:
                found[code] += amount
        return _plain(found)


@dataclass(frozen=True)
class SellersTax:
    """How the tax of the other sellers' own sales compares, order by order.

    It is passed on with the sale (ADR 0008), so that a penny of its split moves nothing in our
    books and is recorded only (ADR 0013): where no whole amounts reach it, an order is apart.
    """

    orders: int
    apart: int  # orders
    by_code: dict[str, int]
    too_far: tuple[str, ...]  # apart by more than rounding leaves

    def __str__(self) -> str:
        if not self.apart:
            return f"equal on all {self.orders:,} orders"
        far = f"; TOO FAR: {', '.join(self.too_far[:10])}" if self.too_far else ""
        return (
            f"equal but for {self.apart} of {self.orders:,} orders, whose tax no whole amounts "
            f"reach: {self.by_code}{far}"
        )


def own_sellers(world: World) -> frozenset[int]:
    """The sellers whose sales are the operator's, and their tax its own."""
    return frozenset(
        one.legacy_id for one in world.catalogue.sellers if one.treatment == "principal"
    )


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


def sellers_tax(theirs: Sums, ours: Sums, own: frozenset[int]) -> SellersTax:
    """The tax that is not the operator's, order by order."""
    orders = {key[1] for key in theirs.tax if key[0] not in own}
    different = {
        key: value for key, value in apart(theirs.tax, ours.tax).items() if key[0] not in own
    }
    by_code: Counter[str] = Counter()
    for (_, _, code), amount in different.items():
        by_code[code] += amount
    return SellersTax(
        orders=len(orders),
        apart=len({number for _, number, _ in different}),
        by_code=_plain(by_code),
        too_far=tuple(
            f"INV-{number} {code} by {amount}"
            for (_, number, code), amount in different.items()
            if abs(amount) > FAR
        ),
    )


FAR = 2  # pence that rounding may leave between an order's tax and what whole amounts reach


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
