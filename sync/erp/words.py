"""What an ERP cannot do, and what we do instead, in sentences for people."""

from sync.erp.port import Capabilities

# Field of Capabilities: what it means for people when the ERP lacks it.
INSTEAD = {
    "stock_by_location": "It tells no stock by location: a level is the whole company's.",
    "available_to_sell": "It does not tell what is still free: our open orders are taken off.",
    "order_cancel": "It cancels no order from outside: people cancel there.",
    "accepted_cancel": "It cancels no order it has accepted from outside: people cancel there.",
    "order_amend": "It lowers no accepted order from outside: people do, or money goes back.",
    "partial_amend": "It lowers no order that has begun to ship from outside: people do.",
    "options": "It tells no sizes or colours of items: names and barcodes are compared.",
    "open_shipments": "It tells shipments once they are picked, or only once they have left.",
    "returns": "It takes no announced returns: people announce them there.",
    "credit_notes": "It takes no credit notes from outside: refunds wait for people there.",
    "line_keys": "It does not name our order lines: they are matched by item.",
    "tracking_numbers": "It has no field for tracking numbers: only its free text is read.",
    "parcels": "It tells no parcels: tracking numbers are the whole shipment's.",
    "carriers": "It tells no carriers: shipments go out under the placeholder.",
    "agent_sales_direct": "It books no sale straight to a seller's payable: an entry moves it on.",
    "journals": "It has no journals to choose from: all entries stand in one ledger.",
    "balances_by_party": "It adds no balances up by party: only whole accounts are compared.",
    "reconciles": "It settles no ledger lines from outside: people do.",
    "reports_deletes": "It does not tell deletions: the nightly comparison finds them.",
    "push": "It does not tell changes by itself: it is asked every minute.",
}
_CHANGES = {"items": "items", "stock": "stock", "shipments": "shipments", "returns": "returns"}


def cannot(able: Capabilities) -> list[str]:
    """One sentence for each thing this ERP lacks, in the order of the road."""
    lacking = [words for name, words in INSTEAD.items() if not getattr(able, name)]
    whole = [word for name, word in _CHANGES.items() if name not in able.modified_since]
    if whole:
        lacking.append(
            f"It does not tell which {', '.join(whole)} changed: all are read each time."
        )
    return lacking
