"""What may be given back of an order: what stands in the ledger, less what went back already."""

from datetime import date
from decimal import Decimal

import pytest

from sync.domain.delivery import Rejected
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentKind,
    DocumentLine,
    DocumentState,
    LineKind,
    OrderLine,
    PostedDocument,
)
from sync.erp.given_back import original_of, originals


class Books:
    """What an ERP holds of one order."""

    def __init__(self, *documents: PostedDocument, ordered: bool = True) -> None:
        self.documents, self.ordered = documents, ordered

    def of_orders(self, keys):
        return {key: self.documents for key in keys if self.documents}

    def find(self, keys):
        return dict.fromkeys(keys) if self.ordered else {}


def booked(ref, net, *, state=DocumentState.POSTED, currency="GBP", account="4000", key="line-1"):
    """An invoice of one line, or a credit note where `net` is negative."""
    kind = DocumentKind.INVOICE if Decimal(net) > 0 else DocumentKind.CREDIT_NOTE
    line = DocumentLine(ref, key, "A", "A shirt", Decimal(1), Decimal(net), Decimal(net),
                        Decimal(0), ("STD",), account)  # fmt: skip
    return PostedDocument(ref, kind, state, state, ref, "", "order", "7", "INV-7", "C-1",
                          date(2026, 11, 1), currency, Decimal(net), Decimal(0), Decimal(net),
                          (line,), (), None)  # fmt: skip


def wanted(net, *, key="line-1", tax_code="STD", kind=LineKind.GOODS):
    line = OrderLine(key, kind, "A", "A shirt", Decimal(1), Decimal(net), Decimal(net), Decimal(0),
                     tax_code)  # fmt: skip
    return CreditNoteDraft("refund", "RF-1", "order", date(2026, 11, 9), "GBP", (line,),
                           Decimal(net), Decimal(0), Decimal(net))  # fmt: skip


def asked(draft, books):
    invoiced = originals(draft, documents=books, orders=books, erp="The ERP")
    return original_of(draft.lines[0], draft, invoiced)


def test_what_is_left_is_what_was_invoiced_less_what_went_back():
    books = Books(booked("I1", "50"), booked("I2", "30", account="4001"), booked("C1", "-20"))

    original = asked(wanted("60"), books)

    assert original.left == 60
    with pytest.raises(Rejected, match=r"gives back 60\.01 of line line-1; 60 is left"):
        asked(wanted("60.01"), books)


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_on_several_invoices_goes_back_on_the_account_of_the_largest(turned):
    invoices = [booked("I1", "50"), booked("I2", "30", account="4001")]
    books = Books(*(reversed(invoices) if turned else invoices))

    assert asked(wanted("1"), books).line.account == "4000"


@pytest.mark.parametrize("state", [DocumentState.DRAFT, DocumentState.CANCELLED])
def test_what_is_not_in_the_ledger_counts_for_nothing(state):
    with pytest.raises(Rejected, match="is invoiced yet"):
        asked(wanted("1"), Books(booked("I1", "50", state=state)))
    left = asked(wanted("1"), Books(booked("I1", "50"), booked("C1", "-20", state=state))).left
    assert left == 50


@pytest.mark.parametrize(
    ("draft", "books", "words"),
    [
        (wanted("1"), Books(ordered=False), "The ERP has no order order"),
        (wanted("1"), Books(), "is invoiced yet"),
        (wanted("1"), Books(booked("I1", "50", currency="EUR")), "in another currency"),
        (wanted("1", key="line-2"), Books(booked("I1", "50")), "amend the order instead"),
        (wanted("1", tax_code="ZERO"), Books(booked("I1", "50")), "was sold with STD"),
    ],
)
def test_what_cannot_be_given_back_is_refused_in_words(draft, books, words):
    with pytest.raises(Rejected, match=words):
        asked(draft, books)


def test_pennies_that_were_on_no_invoice_may_go_back():
    draft = wanted("0.01", key="rounding", kind=LineKind.ROUNDING)

    assert asked(draft, Books(booked("I1", "50"))) is None
