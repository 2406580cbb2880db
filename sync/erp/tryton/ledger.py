"""The ledger in Tryton: posted lines, balances, and lines settled against each other."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import Balance, LedgerLine, LedgerQuery
from sync.erp.port import Page
from sync.erp.tryton.changed import changed
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.references import ReferenceBook

_LINE, _MOVE = "account.move.line", "account.move,"
_A_PAGE = 500
_FIELDS = (
    *("move", "move.number", "move.date", "move.journal.code", "move.description", "move.origin"),
    *("account.code", "party.code", "debit", "credit", "description", "reconciliation"),
    *("write_date", "create_date"),
)


class Ledger:
    """Reads `account.move.line`, whose moves cannot be changed once posted."""

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        """See ErpPort.ledger_lines; the cursor is the last id seen.

        Settling a line changes it too.
        """
        domain: list[object] = [
            ["move.company", "=", self._book.get().company],
            ["move.state", "=", "posted"],
        ]
        if query.accounts:
            domain.append(["account.code", "in", list(query.accounts)])
        if query.moves:
            domain.append(["move", "in", [int(ref) for ref in query.moves]])
        if query.start is not None:
            domain.append(["move.date", ">=", query.start])
        if query.end is not None:
            domain.append(["move.date", "<=", query.end])
        if query.changed_since is not None:
            domain.append(changed(query.changed_since, ("", "move.")))
        if query.party:
            domain.append(["party.code", "=", query.party])
        if query.open_only:
            domain.append(["reconciliation", "=", None])
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows(_LINE, domain, _FIELDS, limit=_A_PAGE)
        reversed_ = self._reversed(rows)
        found = tuple(_line(row, reversed_) for row in rows)
        return Page(found, str(rows[-1]["id"]) if len(rows) == _A_PAGE else None)

    def _reversed(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Where the moves came from that some of these take back, by Tryton's name for them.

        A cancelled invoice's opposite comes from the invoice's move and not from the invoice.
        """
        names = {row["move."]["origin"] or "" for row in rows}
        ids = sorted(int(name.removeprefix(_MOVE)) for name in names if name.startswith(_MOVE))
        if not ids:
            return {}
        found = self._client.rows("account.move", [["id", "in", ids]], ["origin"])
        return {f"{_MOVE}{row['id']}": row["origin"] for row in found if row["origin"]}

    def balances(self, on: date, accounts: Sequence[str], *, by_party: bool) -> tuple[Balance, ...]:
        """See ErpPort.balances.

        Asked with a `date`, Tryton adds up earlier years that are still open, income and expense
        too. So every account is asked for its own span: ever since for those it carries forward
        (`deferral`), the fiscal year for the others.
        """
        company = self._book.get().company
        rows = self._client.rows(
            "account.account",
            [["code", "in", list(accounts)], ["company", "=", company], ["closed", "!=", True]],
            ["code", "deferral"],
        )
        known = {row["code"]: row for row in rows}
        if unknown := [code for code in accounts if code not in known]:
            raise Rejected(f"Tryton has no account {', '.join(unknown)}.", "account")
        carried = [row["id"] for row in rows if row["deferral"]]
        yearly = [row["id"] for row in rows if not row["deferral"]]
        span: dict[str, Any] = {"to_date": on, "posted": True, "flat_balance": True}
        found = self._sums(carried, by_party=by_party, **span)
        if yearly:
            found |= self._sums(yearly, by_party=by_party, from_date=self._year_start(on), **span)
        codes = {row["id"]: row["code"] for row in rows}
        balances = [
            Balance(codes[account], party, sum_) for (account, party), sum_ in found.items()
        ]
        return tuple(sorted(balances, key=lambda one: (one.account, one.party)))

    def _sums(
        self, accounts: Sequence[int], *, by_party: bool, **span: Any
    ) -> dict[tuple[int, str], Decimal]:
        if not accounts:
            return {}
        if not by_party:
            rows = self._client.rows(
                "account.account", [["id", "in", list(accounts)]], ["balance"], **span
            )
            return {(row["id"], ""): row["balance"] for row in rows}
        rows = self._client.rows(
            "account.general_ledger.account.party",
            [["account", "in", list(accounts)]],
            ["account", "party.code", "debit", "credit"],
            order=[["account", "ASC"]],
            **span,
        )
        found = {
            (row["account"], row["party."]["code"]): row["debit"] - row["credit"] for row in rows
        }
        # An account without parties has one balance, and it is nobody's.
        alone = [account for account in accounts if account not in {key[0] for key in found}]
        return found | self._sums(alone, by_party=False, **span)

    def _year_start(self, on: date) -> date:
        rows = self._client.rows(
            "account.fiscalyear",
            [
                ["company", "=", self._book.get().company],
                ["start_date", "<=", on],
                ["end_date", ">=", on],
            ],
            ["start_date"],
            limit=1,
        )
        return rows[0]["start_date"] if rows else on.replace(month=1, day=1)

    def reconcile(self, line_refs: Sequence[str]) -> str:
        """See ErpPort.reconcile.

        By the wizard people use: nobody may write the mark itself. Lines that add up to zero pass
        through it without a question.
        """
        ids = sorted({int(ref) for ref in line_refs})
        rows = self._client.rows(
            _LINE,
            [["id", "in", ids]],
            ["debit", "credit", "account", "party", "reconciliation"],
        )
        if len(rows) != len(ids):
            raise Rejected("Tryton lacks one of the ledger lines.", "lines")
        marks = {row["reconciliation"] for row in rows}
        if len(marks) == 1 and None not in marks:
            (mark,) = marks
            members = self._client.rows(_LINE, [["reconciliation", "=", mark]], [])
            if len(members) == len(ids):
                return str(mark)
        if marks != {None}:
            raise Rejected("One of the ledger lines is settled with others.", "lines")
        if len({(row["account"], row["party"]) for row in rows}) != 1:
            raise Rejected("The ledger lines are of different accounts or parties.", "lines")
        if residue := sum((row["debit"] - row["credit"] for row in rows), Decimal(0)):
            raise Rejected(f"The ledger lines leave {residue}.", "lines")
        wizard = "wizard.account.move.reconcile_lines"
        about = {"active_model": _LINE, "active_id": ids[0], "active_ids": ids}
        session, start, _ = self._client.write(f"{wizard}.create", **about)
        self._client.write(f"{wizard}.execute", session, {}, start, **about)
        self._client.write(f"{wizard}.delete", session, **about)
        rows = self._client.rows(_LINE, [["id", "in", ids]], ["reconciliation"])
        settled = {row["reconciliation"] for row in rows}
        if len(settled) != 1 or None in settled:
            raise Transient("Tryton has not settled the ledger lines.")
        return str(settled.pop())


def _line(row: Mapping[str, Any], reversed_: Mapping[str, str]) -> LedgerLine:
    move = row["move."]
    origin = reversed_.get(move["origin"], move["origin"]) or ""
    model, _, record = origin.partition(",")
    ours = not origin or origin.startswith(_MOVE)
    return LedgerLine(
        ref=str(row["id"]),
        move_ref=str(row["move"]),
        move_number=move["number"] or "",
        posting_date=move["date"],
        account=row["account."]["code"],
        party=row["party."]["code"] if row["party."] else "",
        debit=row["debit"],
        credit=row["credit"],
        memo=row["description"] or "",
        journal=move["journal."]["code"],
        journal_key=(move["description"] or "") if ours else "",
        document_ref=record if model == "account.invoice" else "",
        reconciled=str(row["reconciliation"]) if row["reconciliation"] else None,
        modified_at=row["write_date"] or row["create_date"],
    )
