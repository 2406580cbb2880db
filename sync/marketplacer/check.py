"""The checks of a new connection to a Marketplacer instance. Nothing is written.

What we read is read, a page of each with rows in it (some rights show only there), so that the far
side itself says which right or field it lacks. What we write cannot be tried; its inputs are
compared with the instance's own schema where it tells it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sync.domain.checks import Check, ConnectionReport
from sync.domain.delivery import AuthError, Failure, MissingRight
from sync.marketplacer.allowed import ALLOWED
from sync.marketplacer.client import MarketplacerClient

_TYPE = "name kind ofType { name kind ofType { name kind ofType { name kind } } }"
_MUTATIONS = (
    "query { __schema { mutationType { fields { name args { name type { " + _TYPE + " } } } } } }"
)
_INPUT = (
    "query($name: String!) { __type(name: $name) { inputFields { name type { " + _TYPE + " } } } }"
)


def check(client: MarketplacerClient, *, placeholder_carrier: str) -> ConnectionReport:
    """Each step with what works, or what is wrong and what to do; stops where nothing follows."""
    return ConnectionReport("", tuple(_steps(client, placeholder_carrier)))


def _steps(client: MarketplacerClient, placeholder_carrier: str) -> Iterator[Check]:
    address, key = _sign_in(client)
    yield address
    if key is None:
        return
    yield key
    if not key.ok:
        return
    reads: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("orders", "orders:read", lambda: client.invoice_page(updated_since=None, after=None)),
        ("sellers", "sellers:read", lambda: client.sellers(updated_since=None, after=None)),
        ("listings", "adverts:read", lambda: client.adverts(updated_since=None, after=None)),
        ("stock levels", "adverts:read", lambda: client.variant_levels([])),
        (
            "shipments",
            "orders:read",
            lambda: client.invoice_shipments_page(updated_since=None, after=None),
        ),
        (
            "refunds",
            "refunds:read",
            lambda: client.invoice_money_page(updated_since=None, after=None),
        ),
        ("remittances", "payouts:read", lambda: client.seller_remittances(seller="", after=None)),
        ("remittance advices", "payouts:read", lambda: client.advice_page(after=None)),
    )
    for what, scope, read in reads:
        yield _read(f"Read {what}", scope, read)
    yield _carriers(client, placeholder_carrier)
    yield _writes(client)


def _sign_in(client: MarketplacerClient) -> tuple[Check, Check | None]:
    try:
        principal = client.principal()
    except AuthError as refused:
        advice = (
            "Create an operator key and set MARKETPLACER_API_KEY (and MARKETPLACER_BASIC_AUTH)."
        )
        return Check("Address", True, "answers"), Check("Key", False, f"{refused} {advice}")
    except Failure as failure:
        return Check("Address", False, f"{failure}. Check MARKETPLACER_URL."), None
    return Check("Address", True, "answers"), Check("Key", True, principal or "valid")


def _read(name: str, scope: str, read: Callable[[], object]) -> Check:
    try:
        read()
    except MissingRight as lacking:
        advice = (
            f"Give the key {scope}, and use an operator's key, not a seller's. If it names a "
            "field, this instance's schema differs: ask Marketplacer to enable it."
        )
        return Check(name, False, f"{lacking}. {advice}")
    except Failure as failure:
        return Check(name, False, str(failure))
    return Check(name, True, "works")


def _carriers(client: MarketplacerClient, wanted: str) -> Check:
    name = "Read carriers"
    try:
        carriers = {carrier.name for carrier in client.shipment_carriers()}
    except Failure as failure:
        return Check(name, False, f"{failure}. Give the key orders:read.")
    if wanted not in carriers:
        return Check(
            name,
            False,
            f"There is no carrier {wanted!r}, which goods without a carrier are sent by: create it "
            "at Marketplacer, or name another in SHIPMENT_CARRIER_PLACEHOLDER.",
        )
    return Check(name, True, f"{len(carriers)}, {wanted!r} among them")


def _writes(client: MarketplacerClient) -> Check:
    """The mutations and input fields we send, against the schema; the right is not tried."""
    name = "Write inputs"
    try:
        data = client.ask(_MUTATIONS, {})
        fields = {f["name"]: f for f in data["__schema"]["mutationType"]["fields"]}
        missing = [problem for m in sorted(ALLOWED) for problem in _missing(client, m, fields)]
    except Failure as failure:
        return Check(
            name,
            True,
            f"not compared: the instance does not tell its schema ({failure}). Compare by hand "
            "before go-live.",
        )
    if missing:
        return Check(
            name,
            False,
            f"This instance has no {', '.join(missing)}. What is written there would be refused: "
            "ask Marketplacer to enable it.",
        )
    return Check(
        name,
        True,
        f"{len(ALLOWED)} mutations are there with every field we send. Whether the key may write "
        "is not tried: give it orders:write, adverts:write and payouts:write.",
    )


def _missing(
    client: MarketplacerClient, mutation: str, fields: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    if mutation not in fields:
        yield mutation
        return
    arguments = {arg["name"]: arg["type"] for arg in fields[mutation]["args"]}
    known: dict[str, dict[str, Any]] = {}
    for path in sorted(ALLOWED[mutation]):
        here: Mapping[str, Any] = arguments
        for step in path.split("."):
            step = step.removesuffix("[]")
            if step not in here:
                yield f"{mutation} {path}"
                break
            type_name = _name_of(here[step])
            if type_name not in known:
                told = client.ask(_INPUT, {"name": type_name})["__type"] or {}
                known[type_name] = {f["name"]: f["type"] for f in told.get("inputFields") or ()}
            here = known[type_name]


def _name_of(type_: Mapping[str, Any] | None) -> str:
    """The name inside lists and non-nulls."""
    while type_ is not None and not type_["name"]:
        type_ = type_.get("ofType")
    return str(type_["name"]) if type_ else ""
