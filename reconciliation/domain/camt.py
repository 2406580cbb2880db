"""CAMT.053 bank statements, versions 2 and 8 (and those between), as statement lines.

Read entry by entry, so that a large statement costs little memory. A document type declaration is
refused: no bank writes one, and it is how XML attacks its reader.
"""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from mkterp.core.money import to_minor
from reconciliation.domain.statements import BadFile, Problem, StatementLine


def read(body: bytes) -> tuple[str, list[StatementLine], list[Problem]]:
    """The account, the booked lines and the entries that cannot be read. Raises BadFile.

    An entry that bundles several payments becomes one line for each, where they say their amounts
    and these add up; else it stays one line. Entries that are only pending are left out.
    """
    account, lines, problems = "", [], []
    seen: Counter[str] = Counter()
    try:
        number = 0
        for _, element in iterparse(io.BytesIO(body), events=("end",), forbid_dtd=True):
            name = _name(element)
            if name == "Acct" and not account:
                account = _text(element, "Id/IBAN") or _text(element, "Id/Othr/Id")
            if name != "Ntry":
                continue
            number += 1
            if _status(element) == "BOOK":
                try:
                    for line in _lines(element):
                        seen[line.identity] += 1
                        extra = f".{seen[line.identity]}" if seen[line.identity] > 1 else ""
                        lines.append(
                            StatementLine(**vars(line) | {"identity": line.identity + extra})
                        )
                except ValueError as problem:
                    problems.append(Problem(number, "Ntry", str(problem)))
            element.clear()
    except ParseError as error:
        raise BadFile(f"The file is not well-formed XML: {error}") from None
    except DefusedXmlException:
        raise BadFile("The file declares a document type, which no bank statement does.") from None
    if not number:
        raise BadFile("The file holds no entries; is it a CAMT.053 statement?")
    return account, lines, problems


def looks_like_it(body: bytes) -> bool:
    """Whether the file says of itself that it is a CAMT.053."""
    return b"camt.053.001." in body[:2000]


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _find(element: Element, path: str) -> Element | None:
    found: Element | None = element
    for step in path.split("/"):
        if found is None:
            return None
        found = next((child for child in found if _name(child) == step), None)
    return found


def _text(element: Element, path: str) -> str:
    found = _find(element, path)
    return (found.text or "").strip() if found is not None else ""


def _status(entry: Element) -> str:
    return _text(entry, "Sts/Cd") or _text(entry, "Sts")


def _amount(element: Element, path: str) -> tuple[int, str]:
    found = _find(element, path)
    if found is None or not found.text:
        raise ValueError("The entry has no amount.")
    currency = found.get("Ccy", "").upper()
    try:
        amount = Decimal(found.text.strip())
        if not amount.is_finite() or len(currency) != 3:
            raise ValueError
        return to_minor(amount, currency), currency
    except (InvalidOperation, ValueError):
        raise ValueError(f"{found.text.strip()!r} {currency} is no amount.") from None


def _day(entry: Element) -> date:
    for path in ("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"):
        if text := _text(entry, path):
            try:
                return datetime.fromisoformat(text).date()
            except ValueError:
                raise ValueError(f"{text!r} is no date.") from None
    raise ValueError("The entry has no date.")


def _lines(entry: Element) -> Iterator[StatementLine]:
    amount, currency = _amount(entry, "Amt")
    credit = _text(entry, "CdtDbtInd") == "CRDT"
    if _text(entry, "RvslInd") == "true" and not _text(entry, "CdtDbtInd"):
        raise ValueError("A reversal that does not say its direction.")
    sign = 1 if credit else -1
    day = _day(entry)
    base = _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
    details = _find(entry, "NtryDtls")
    parts = [c for c in details if _name(c) == "TxDtls"] if details is not None else []
    sums = [_part_amount(part) for part in parts]
    if len(parts) > 1 and all(s is not None for s in sums) and sum(s or 0 for s in sums) == amount:
        for place, (part, each) in enumerate(zip(parts, sums, strict=True), start=1):
            own = _text(part, "Refs/AcctSvcrRef") or (f"{base}/{place}" if base else "")
            yield _line(part, own, day, sign * (each or 0), currency, credit)
        return
    yield _line(parts[0] if parts else entry, base, day, sign * amount, currency, credit, entry)


def _part_amount(part: Element) -> int | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        if _find(part, path) is not None:
            return _amount(part, path)[0]
    return None


def _line(
    part: Element,
    identity: str,
    day: date,
    amount: int,
    currency: str,
    credit: bool,
    entry: Element | None = None,
) -> StatementLine:
    side = "Dbtr" if credit else "Cdtr"
    party = _text(part, f"RltdPties/{side}/Nm") or _text(part, f"RltdPties/{side}/Pty/Nm")
    end_to_end = _text(part, "Refs/EndToEndId")
    free = " ".join(_free_text(part))
    reference = free or ("" if end_to_end == "NOTPROVIDED" else end_to_end)
    text = _text(entry, "AddtlNtryInf") if entry is not None else ""
    extra = end_to_end if end_to_end not in ("", "NOTPROVIDED", reference) else ""
    identity = identity or f"{day}|{amount}|{reference}|{party}"
    return StatementLine(
        identity=identity[:290],
        booked_date=day,
        amount_minor=amount,
        currency=currency,
        reference=reference[:300],
        counterparty=party[:300],
        text=" ".join(word for word in (text, extra) if word),
    )


def _free_text(part: Element) -> Iterator[str]:
    info = _find(part, "RmtInf")
    if info is None:
        return
    for child in info:
        if _name(child) == "Ustrd" and child.text:
            yield child.text.strip()
        elif _name(child) == "Strd":
            reference = _text(child, "CdtrRefInf/Ref")
            if reference:
                yield reference
