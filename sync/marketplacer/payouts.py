"""The client's calls about settlement: what Marketplacer owes sellers, and that we paid it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class RawPage:
    """One page of raw nodes, as they came; `newest` is the latest updatedAt among them."""

    nodes: list[Mapping[str, Any]]
    next_page: str | None
    newest: datetime | None


class _Wire(Protocol):
    _page_size: int

    def _read(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]: ...

    def _write(self, operation: str, mutation: str, variables: Mapping[str, Any]) -> None: ...


class PayoutCalls:
    """Mixed into the client; raises what every call of the client raises."""

    def invoice_money_page(
        self: _Wire, *, updated_since: datetime | None, after: str | None
    ) -> RawPage:
        """Refunds and amendments of the invoices that changed since, with the invoice's id."""
        variables = {
            "updatedSince": updated_since and updated_since.isoformat(),
            "first": self._page_size,
            "after": after,
        }
        return _raw(self._read("invoice_money_updated", variables)["invoices"])

    def seller_remittances(self: _Wire, *, seller: str, after: str | None) -> RawPage:
        """A seller's unreleased remittances; an unknown seller has none."""
        variables = {"seller": seller, "first": self._page_size, "after": after}
        node = self._read("seller_remittances", variables).get("node") or {}
        return _raw(node.get("remittances") or {})

    def remittance_nodes(self: _Wire, ids: Iterable[str]) -> list[Mapping[str, Any]]:
        """These remittances as they are now; what no longer exists is left out."""
        data = self._read("remittances_by_id", {"ids": sorted(ids)})
        return [n for n in data["nodes"] if n and n.get("__typename") == "Remittance"]

    def advice_page(self: _Wire, *, after: str | None) -> RawPage:
        """Remittance advices with their remittances, oldest first."""
        variables = {"first": min(self._page_size, 50), "after": after}
        return _raw(self._read("advices_page", variables)["remittanceAdvices"])

    def advice_nodes(self: _Wire, ids: Iterable[str]) -> list[Mapping[str, Any]]:
        """These advices as they are now; what no longer exists is left out."""
        data = self._read("advices_by_id", {"ids": sorted(ids)})
        return [n for n in data["nodes"] if n and n.get("__typename") == "RemittanceAdvice"]

    def record_payment(
        self: _Wire, *, advice: str, paid_minor: int, paid_at: str, reference: str
    ) -> None:
        """Tell Marketplacer that an advice was paid; the same again changes nothing there."""
        self._write(
            "remittance_advice_update",
            "remittanceAdviceUpdate",
            {
                "input": {
                    "remittanceAdviceId": advice,
                    "totalPaidCents": paid_minor,
                    "paidAt": paid_at,
                    "paymentReference": reference,
                }
            },
        )


def _raw(connection: Mapping[str, Any]) -> RawPage:
    nodes = [node for node in connection.get("nodes") or () if node]
    page = connection.get("pageInfo") or {}
    times = [datetime.fromisoformat(node["updatedAt"]) for node in nodes if node.get("updatedAt")]
    return RawPage(
        nodes=nodes,
        next_page=page.get("endCursor") if page.get("hasNextPage") else None,
        newest=max(times, default=None),
    )
