"""An ERP that may be read and not written to: what a dry run works with."""

from typing import Any, NoReturn, cast

from sync.domain.delivery import Held
from sync.erp.port import ErpPort

# What changes nothing in the ERP. A method of the port that is not here is a write.
READS = frozenset(
    {
        *("capabilities", "check", "items", "stock", "stock_changed", "find_orders"),
        *("order_states", "shipments", "find_returns", "returns", "find_documents", "documents"),
        *("find_credit_notes", "find_journal", "journals", "ledger_lines", "balances", "periods"),
        *("parties", "reference_data"),
    }
)


class _HeldErp:
    def __init__(self, erp: ErpPort) -> None:
        self._erp = erp

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._erp, name)
        if name in READS:
            return method

        def refuse(*_: object, **__: object) -> NoReturn:
            raise Held(f"A dry run: {name.replace('_', ' ')} was not sent to the ERP.")

        return refuse


def held(erp: ErpPort) -> ErpPort:
    """The same ERP, in which every write raises Held before anything is sent."""
    return cast(ErpPort, _HeldErp(erp))
