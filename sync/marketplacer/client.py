"""The Marketplacer client: GraphQL over httpx; only `sync.domain.delivery` failures come out.

Marketplacer says no in three layers (dossier: errors): an HTTP status, `errors` beside the data
with status 200, and `errors` inside a mutation's payload. All three are looked at, always.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Generic, TypeVar

import httpx

from sync.domain.delivery import Failure, Held, Throttled, Transient, UnknownOutcome
from sync.domain.marketplace import ListingValue, SellerValue
from sync.marketplacer import allowed, answers, parse
from sync.marketplacer.governor import Governor
from sync.marketplacer.payouts import PayoutCalls
from sync.marketplacer.shipments import ShipmentCalls
from sync.marketplacer.stock import StockCalls

Row = TypeVar("Row")

FRAGMENTS = {
    "InvoiceFields": "invoice_fields",
    "AdviceFields": "advice_fields",
    "RemittanceFields": "remittance_fields",
    "InvoiceShipmentFields": "shipment_fields",
}


@dataclass(frozen=True)
class Nodes:
    """One page of raw nodes; `newest` is the latest updatedAt among them."""

    nodes: Sequence[Mapping[str, Any]]
    next_page: str | None
    newest: datetime | None
    total: int | None  # rows in the whole list, where it was asked for


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    next_page: str | None
    newest: datetime | None
    total: int | None
    ids: Sequence[str]  # of the nodes the list is made of
    unreadable: int = 0


@lru_cache
def document(name: str) -> str:
    """The text of an operation, with the fragments it uses."""
    folder = resources.files("sync.marketplacer.operations")
    text = (folder / f"{name}.graphql").read_text()
    for fragment, file in FRAGMENTS.items():  # outer fragments stand before those they use
        if f"...{fragment}" in text:
            text += (folder / f"{file}.graphql").read_text()
    return text


class MarketplacerClient(PayoutCalls, ShipmentCalls, StockCalls):
    """One connection to one Marketplacer instance; safe to share between threads."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        basic_auth: tuple[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 30.0,
        page_size: int = 200,
        governor: Governor | None = None,
    ) -> None:
        self._url, self._page_size, self._governor = url, page_size, governor
        self.held = False  # a dry run: only reads leave
        self._http = httpx.Client(
            transport=transport,
            auth=basic_auth,
            timeout=httpx.Timeout(timeout, connect=5.0),
            headers={"marketplacer-api-key": api_key, "User-Agent": "mkterp"},
        )

    def close(self) -> None:
        self._http.close()

    # -- reading ---------------------------------------------------------------------------------

    def invoice_page(self, *, updated_since: datetime | None, after: str | None) -> Nodes:
        """Invoices changed at or after the moment, oldest first, as they came.

        In order of creation, so that an invoice which changes between two pages keeps its place:
        a list shifts, and a page in order of change would skip a row for each that moved.
        """
        data = self._read("invoices_updated", self._page(updated_since, after))
        return _nodes(data["invoices"])

    def invoice_nodes(self, ids: Iterable[str]) -> list[Mapping[str, Any]]:
        """These invoices as they are now; what no longer exists is left out."""
        data = self._read("invoices_by_id", {"ids": sorted(ids)})
        return [node for node in data["nodes"] if node and node.get("__typename") == "Invoice"]

    def sellers(self, *, updated_since: datetime | None, after: str | None) -> Page[SellerValue]:
        data = self._read("sellers_updated", self._page(updated_since, after))
        found = _nodes(data["allSellers"])
        rows = [parse.seller(node) for node in found.nodes]
        return _page(found, rows)

    def adverts(self, *, updated_since: datetime | None, after: str | None) -> Page[ListingValue]:
        """The listings of adverts changed since; an advert that cannot be read is counted."""
        variables = self._page(updated_since, after) | {"first": min(self._page_size, 100)}
        found = _nodes(self._read("adverts_updated", variables)["allAdverts"])
        rows: list[ListingValue] = []
        unreadable = 0
        for node in found.nodes:
            try:
                rows.extend(parse.listings(node))
            except parse.Unreadable:
                unreadable += 1
        return _page(found, rows, unreadable)

    def principal(self) -> str:
        """Whose key this is."""
        data = self._read("api_key_principal", {})
        return str((data.get("apiKeyPrincipal") or {}).get("name") or "")

    def ask(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """What a query of the caller's own gives; for looking at the schema itself."""
        return self._data(text, "", variables, lost=Transient)

    def _page(self, since: datetime | None, after: str | None) -> dict[str, Any]:
        return {
            "updatedSince": since and since.isoformat(),
            "first": self._page_size,
            "after": after,
        }

    # -- writing ---------------------------------------------------------------------------------

    def set_external_id(self, *, owner: str, key: str, value: str) -> None:
        """Attach our key to one of their objects; the same again changes nothing there."""
        self._write(
            "external_id_upsert",
            "externalIdUpsert",
            {"input": {"owner": owner, "key": key, "value": value}},
        )

    # -- the wire --------------------------------------------------------------------------------

    def _read(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        return self._data(document(operation), operation, variables, lost=Transient)

    def _write(self, operation: str, mutation: str, variables: Mapping[str, Any]) -> None:
        data = self._data(document(operation), operation, variables, lost=UnknownOutcome)
        refusal = answers.payload_refusal(data.get(mutation) or {})
        if refusal is not None:
            raise refusal

    def _data(
        self, text: str, operation: str, variables: Mapping[str, Any], *, lost: type[Failure]
    ) -> dict[str, Any]:
        answer = self._send(text, operation, variables, lost=lost)
        if errors := answer.get("errors"):
            raise answers.graphql_failure(errors)
        data = answer.get("data")
        if not isinstance(data, dict):
            raise lost("Marketplacer's answer held no data")
        return data

    def _send(
        self,
        text: str,
        operation: str,
        variables: Mapping[str, Any],
        *,
        lost: type[Failure],
        permitted: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """The one place that sends; `lost` is what no answer means: read again, or look first.

        Raises ForbiddenWrite, before anything is sent, for a write that the list does not allow
        or, where another may own the object, the guard has given no permit for; Held for any write
        in a dry run.
        """
        if not allowed.only_reads(text):
            allowed.check(text, variables, permitted)
            if self.held:
                raise Held(f"A dry run: {operation} was not sent to Marketplacer.")
        if self._governor is not None:
            self._governor.before_call()
        try:
            response = self._http.post(
                self._url,
                json={
                    "query": text,
                    "variables": variables,
                    "operationName": operation.title().replace("_", "") or None,
                },
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Transient(f"Marketplacer cannot be reached: {error}") from error
        except httpx.HTTPError as error:
            raise lost(f"Marketplacer did not answer: {type(error).__name__}") from error
        try:
            answers.check_status(response, lost)
        except Throttled as throttled:
            if self._governor is not None:
                self._governor.told_to_wait(throttled.retry_after)
            raise
        try:
            answer = response.json()
        except ValueError:
            raise lost("Marketplacer's answer was not JSON") from None
        if b"\\u0000" in response.content:
            answer = parse.storable(answer)
        if not isinstance(answer, dict):
            raise lost("Marketplacer's answer was not an object")
        return answer


def _page(found: Nodes, rows: Sequence[Row], unreadable: int = 0) -> Page[Row]:
    ids = [str(node.get("id")) for node in found.nodes]
    return Page(rows, found.next_page, found.newest, found.total, ids, unreadable)


def _nodes(connection: Any) -> Nodes:
    nodes = [node for node in connection["nodes"] if node]
    page = connection["pageInfo"]
    times = [datetime.fromisoformat(node["updatedAt"]) for node in nodes if node.get("updatedAt")]
    return Nodes(
        nodes=nodes,
        next_page=page["endCursor"] if page["hasNextPage"] else None,
        newest=max(times, default=None),
        total=connection.get("totalCount"),
    )
