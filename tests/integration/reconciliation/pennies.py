"""Orders whose documents differ by pennies: the shop, and what makes and reads the differences."""

from decimal import Decimal

import pytest

from mapping.models import AccountMapping, AccountRole
from reconciliation.models import DifferenceRule
from reconciliation.services import comparing
from sync.models import InvoiceLine
from sync.services import books, documents

CLEARING, OUTPUT_TAX, RECEIVABLE = "4.1.9", "2.2.3", "1.2.1"


@pytest.fixture
def accounts(db, at):
    for role, account in (
        (AccountRole.TAX_ADJUSTMENT, CLEARING),
        (AccountRole.OUTPUT_TAX, OUTPUT_TAX),
        (AccountRole.CUSTOMER_CLEARING, RECEIVABLE),
        (AccountRole.WRITE_OFF, "5.2.4"),
    ):
        AccountMapping.objects.create(role=role, erp_account=account, set_at=at)
    DifferenceRule.objects.create(
        about="ROUNDING", currency="GBP", base_minor=1, per_line_minor=1, reason="agreed", set_at=at
    )


@pytest.fixture
def shop(world, accounts):
    """A world whose orders are ours and sent out by the seller: booked by one call."""
    world.codes = world.variants(fulfilled_by="seller", treatment="principal")
    return world


def look(world):
    """Everything that runs by itself until the differences are named."""
    world.step(seconds=1)
    documents.pull_documents(clock=world.now)
    books.read(clock=world.now)
    books.pull_account_lines(clock=world.now)
    return comparing.run(clock=world.now)


def sold(world, **quantities):
    invoice = world.sell(quantities or {world.codes[0]: 1})
    world.book(invoice)
    agree(world, invoice)
    return invoice


def agree(world, invoice) -> None:
    """The marketplace's figures as the ERP's rounding has them: no penny lies elsewhere."""
    (held,) = world.erp.find_documents([invoice.marketplacer_id])[invoice.marketplacer_id]
    booked = {line.line_key: line for line in held.lines}
    for line in invoice.lines.all():
        line.total, line.tax = booked[line.marketplacer_id].gross, booked[line.marketplacer_id].tax
        line.postage = line.postage_tax = Decimal(0)
        line.save()
    (shipping,) = [line for key, line in booked.items() if key.startswith("shipping:")]
    line.postage, line.postage_tax = shipping.gross, shipping.tax
    line.save()
    invoice.gross, invoice.tax = held.gross, held.tax
    invoice.save()


def charge_otherwise(invoice, cents: int) -> None:
    """The marketplace charged so many cents more tax, in the same sum."""
    line = InvoiceLine.objects.filter(invoice=invoice).order_by("position").first()
    line.tax += Decimal(cents) / 100
    line.save()
    invoice.tax += Decimal(cents) / 100
    invoice.content_hash = f"{invoice.content_hash[:50]}{cents}"
    invoice.save()


def balance(world, account) -> Decimal:
    (row,) = world.erp.balances(world.at.date(), [account])
    return row.amount
