"""The entry that turns an agent's sale into a debt to the seller."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from sync.domain.documents import (
    DocumentKind,
    DocumentLine,
    DocumentState,
    DocumentTax,
    PostedDocument,
)
from sync.erp.agency import pass_through, pass_through_key


def document(*lines: tuple[str, str], tax: str = "10.00") -> PostedDocument:
    """An invoice of these (account, net) lines, its tax on the pass-through account."""
    found = tuple(
        DocumentLine(
            str(number), "", "", "", Decimal(1), Decimal(net), Decimal(net), Decimal(0), (), account
        )
        for number, (account, net) in enumerate(lines)
    )
    net = sum((line.net for line in found), Decimal(0))
    taxes = (DocumentTax("GB-STD-SELLER", net, Decimal(tax), "2.2.8"),) if tax else ()
    return PostedDocument(
        ref="9",
        kind=DocumentKind.INVOICE,
        state=DocumentState.POSTED,
        erp_state="posted",
        number="SI-9",
        key="key",
        order_key="key",
        order_ref="1",
        reference="INV-1",
        party="4",
        dated=date(2026, 11, 23),
        currency="GBP",
        net=net,
        tax=Decimal(tax or 0),
        gross=net + Decimal(tax or 0),
        lines=found,
        taxes=taxes,
        move_ref="7",
    )


def moved(invoice: PostedDocument) -> list[tuple[str, str, Decimal]]:
    entry = pass_through(invoice, payable="2.2.6", party="S54", keep={"4.1.9"})
    assert entry is not None
    return [(line.account, line.party, line.debit - line.credit) for line in entry.lines]


def test_lines_and_tax_are_emptied_onto_the_payable_and_the_adjustment_stays() -> None:
    invoice = document(("4.1.5", "40.00"), ("4.1.5", "10.00"), ("4.1.9", "0.01"))
    assert moved(invoice) == [
        ("2.2.8", "", Decimal("10.00")),
        ("4.1.5", "", Decimal("50.00")),
        ("2.2.6", "S54", Decimal("-60.00")),
    ]


def test_a_credit_note_gives_the_opposite() -> None:
    invoice = document(("4.1.5", "50.00"))
    note = document(("4.1.5", "-50.00"), tax="-10.00")
    assert moved(note) == [(account, party, -amount) for account, party, amount in moved(invoice)]


def test_nothing_left_to_move_makes_no_entry() -> None:
    nothing = document(("4.1.9", "0.01"), tax="")
    assert pass_through(nothing, payable="2.2.6", party="S54", keep={"4.1.9"}) is None


def test_one_document_has_one_key_and_the_day_can_be_another() -> None:
    invoice = document(("4.1.5", "50.00"))
    later = date(2026, 12, 1)
    entry = pass_through(invoice, payable="2.2.6", party="S54", keep=(), posting_date=later)
    assert entry is not None
    assert (entry.key, entry.posting_date) == (pass_through_key(invoice), later)
    note = replace(invoice, kind=DocumentKind.CREDIT_NOTE)
    assert pass_through_key(note) != pass_through_key(invoice)


def test_what_is_not_in_the_ledger_cannot_be_passed_on() -> None:
    draft = replace(document(("4.1.5", "1.00")), move_ref=None, erp_state="draft")
    with pytest.raises(ValueError, match="draft"):
        pass_through(draft, payable="2.2.6", party="S54", keep=())
