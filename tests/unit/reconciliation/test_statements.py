"""Files of banks and gateways: read whole, or refused by row, column and reason."""

from datetime import date

import pytest

from reconciliation.domain import camt, statements
from reconciliation.domain.statements import BadFile, Problem


def bank(text, **how):
    sheet = statements.read_sheet(text.encode())
    columns = statements.guess_columns(sheet.header, statements.BANK_COLUMNS)
    return statements.read_bank(sheet, columns, currency="GBP", **how)


def camt_file(entries, head=""):
    return (
        f'<?xml version="1.0"?>{head}'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>'
        f"<Acct><Id><IBAN>GB33</IBAN></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(amount, *, sign="DBIT", status="BOOK", inside="", ref="B1"):
    return (
        f'<Ntry><Amt Ccy="GBP">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
        f"<Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt>"
        f"<AcctSvcrRef>{ref}</AcctSvcrRef><NtryDtls>{inside}</NtryDtls></Ntry>"
    )


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1,234.56", 123456), ("1.234,56", 123456), ("-12.5", -1250), ("(12.00)", -1200),
        ("12.00-", -1200), ("£7", 700), ("1'000.00", 100000), ("1,234,567.00", 123456700),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_people_write_it(text, minor):
    lines, problems = bank(f'Date;Amount;Id\n2026-11-03;"{text}";1\n')
    assert (problems, [line.amount_minor for line in lines]) == ([], [minor])


@pytest.mark.parametrize("text", ["1,234", "12.345", "twelve", "1.2.3,4,5", "--3", "(3", "-3-", ""])
def test_an_amount_that_could_mean_two_things_is_not_guessed(text):
    lines, problems = bank(f'Date;Amount;Id\n2026-11-03;"{text}";1\n2026-11-03;5.00;2\n')
    assert [line.identity for line in lines] == ["2"]
    assert [(p.row, p.column) for p in problems] == [(2, "Amount")]


def test_debit_and_credit_columns_become_one_sign():
    lines, _ = bank("Date,Debit,Credit,Id\n03/11/2026,5.00,,1\n04/11/2026,,7.00,2\n")
    assert [(x.booked_date, x.amount_minor) for x in lines] == [
        (date(2026, 11, 3), -500),
        (date(2026, 11, 4), 700),
    ]


def test_two_rows_that_say_the_same_are_two_movements_in_every_file_alike():
    text = "Date,Amount,Reference\n2026-11-03,-5.00,RA-1\n2026-11-03,-5.00,RA-1\n"
    first, again = bank(text)[0], bank(text)[0]
    assert len({line.identity for line in first}) == 2
    assert [x.identity for x in first] == [x.identity for x in again]


def test_a_day_that_reads_two_ways_follows_what_was_told():
    text = "Date,Amount,Id\n04/11/2026,1.00,1\n"
    assert bank(text)[0][0].booked_date == date(2026, 11, 4)
    assert bank(text, day_first=False)[0][0].booked_date == date(2026, 4, 11)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "no rows"), (b"Date,Amount\n", "no rows"), (b"one\ntwo\n", "one column"),
     (b"a,b\x00\n1,2\n", "not a text")],
)  # fmt: skip
def test_what_is_no_table_is_refused_as_a_whole(body, words):
    with pytest.raises(BadFile, match=words):
        statements.read_sheet(body)


def test_without_a_date_or_amount_column_nothing_is_read():
    sheet = statements.read_sheet(b"When,How much\n1,2\n")
    with pytest.raises(BadFile, match="which column is the date"):
        statements.read_bank(sheet, {}, currency="GBP")


def test_a_gateway_row_without_number_or_with_an_unknown_kind_is_named():
    sheet = statements.read_sheet(
        b"Transaction,Type,Date,Invoice,Amount,Fee\n"
        b",payment,2026-11-03,INV-40001,5.00,0.20\n"
        b"t2,gift,2026-11-03,40001,5.00,0.20\n"
        b"t3,charge,2026-11-03,INV-40001,5.00,0.20\n"
    )
    columns = statements.guess_columns(sheet.header, statements.GATEWAY_COLUMNS)
    rows, problems = statements.read_gateway(sheet, columns, currency="GBP")
    assert [(r.identity, r.invoice, r.amount_minor, r.fee_minor) for r in rows] == [
        ("t3", "40001", 500, 20)
    ]
    assert problems == [
        Problem(2, "Transaction", "The transaction has no number."),
        Problem(3, "Type", "'gift' is no kind of movement we know."),
    ]


def test_a_bundle_becomes_one_line_a_payment_where_its_parts_add_up():
    part = '<TxDtls><Amt Ccy="GBP">{}</Amt><RmtInf><Ustrd>RA-{}</Ustrd></RmtInf></TxDtls>'
    parts = part.format("4.00", 1) + part.format("6.00", 2)
    account, lines, problems = camt.read(
        camt_file(entry("10.00", inside=parts) + entry("11.00", inside=parts, ref="B2"))
    )
    assert (account, problems) == ("GB33", [])
    assert [(x.identity, x.amount_minor, x.reference) for x in lines] == [
        ("B1/1", -400, "RA-1"),
        ("B1/2", -600, "RA-2"),
        ("B2", -1100, "RA-1"),
    ]


def test_what_is_only_pending_is_left_out_and_a_wrong_entry_is_named():
    _, lines, problems = camt.read(
        camt_file(entry("1.00", status="PDNG") + entry("x") + entry("2.00", sign="CRDT", ref="B3"))
    )
    assert [x.amount_minor for x in lines] == [200]
    assert [(p.row, p.column) for p in problems] == [(2, "Ntry")]


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE d SYSTEM "file:///etc/passwd">',
    ],
)
def test_a_file_that_declares_a_document_type_is_refused(head):
    with pytest.raises(BadFile, match="document type"):
        camt.read(camt_file(entry("1.00"), head))


def test_xml_that_is_broken_or_no_statement_is_refused():
    with pytest.raises(BadFile, match="well-formed"):
        camt.read(camt_file(entry("1.00"))[:-20])
    with pytest.raises(BadFile, match="no entries"):
        camt.read(camt_file(""))
