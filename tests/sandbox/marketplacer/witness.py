"""The control and witness interface under /_sandbox/: JSON, no key, for tests and the demo."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from tests.sandbox.marketplacer import payouts_files
from tests.sandbox.marketplacer.ids import moment, stamp
from tests.sandbox.marketplacer.orders import Refused

if TYPE_CHECKING:
    from tests.sandbox.marketplacer.sandbox import Sandbox

Json = dict[str, Any]


class Witness:
    """Routes of /_sandbox/. Every answer is JSON; a bad request answers 400 with `error`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.fixed: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", "health"): lambda given: {"ok": True, "seed": sandbox.seed},
            ("GET", "summary"): self._summary,
            ("GET", "invoices"): lambda given: sandbox.invoices(since=given.get("since")),
            ("GET", "sellers"): lambda given: sandbox.store.all("Seller"),
            ("GET", "log"): self._log,
            ("POST", "orders"): self._orders,
            ("POST", "rate"): self._rate,
            ("GET", "faults"): lambda given: sandbox.faults.set({}),
            ("POST", "faults"): self._faults,
            ("GET", "limits"): lambda given: vars(sandbox.limits),
            ("POST", "limits"): self._limits,
            ("GET", "webhooks"): lambda given: sandbox.webhook_states(),
            ("POST", "webhooks"): self._webhook,
            ("POST", "webhooks/redeliver"): self._redeliver,
            ("POST", "payouts"): lambda given: {"advices": sandbox.pay_out()},
            ("POST", "payouts/release"): lambda given: {"released": sandbox.release()},
            ("POST", "refunds"): lambda given: {
                "refunds": sandbox.refund_some(float(given.get("share", 0.05)))
            },
            ("POST", "bank/pay"): lambda given: {"lines": sandbox.bank_pays(**given)},
            ("POST", "gateway/pay"): lambda given: {"lines": sandbox.gateway_pays()},
            ("GET", "bank"): self._bank,
            ("GET", "gateway"): lambda given: _text(payouts_files.gateway_csv(sandbox.store)),
            ("GET", "settlement"): self._settlement,
            ("POST", "plant"): lambda given: sandbox.plant(**given),
            ("POST", "repair"): lambda given: {"repaired": sandbox.repair()},
            ("GET", "planted"): lambda given: sandbox.planted(),
            ("POST", "appointments/run"): lambda given: {"done": sandbox.run_appointments()},
        }

    def answer(self, request: Request) -> Response:
        """The response to a request below /_sandbox/."""
        path = request.path.removeprefix("/_sandbox/").strip("/")
        try:
            given: Json = dict(request.args)
            if request.method == "POST":
                given |= json.loads(request.get_data() or b"{}")
            action = self.fixed.get((request.method, path)) or self._numbered(request.method, path)
            if action is None:
                return _json({"error": "no such page"}, 404)
            answer = action(given)
            return answer if isinstance(answer, Response) else _json(answer)
        except Refused as refused:
            return _json({"error": str(refused), "errors": refused.errors}, 422)
        except (KeyError, ValueError, TypeError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    def _numbered(self, method: str, path: str) -> Callable[[Json], Any] | None:
        """Pages about one object: variants/7001, invoices/40001/cancel and so on."""
        sandbox = self.sandbox
        kind, _, rest = path.partition("/")
        number, _, verb = rest.partition("/")
        if not number.isdecimal():
            return None
        n = int(number)
        pages: dict[tuple[str, str, str], Callable[[Json], Any]] = {
            ("GET", "variants", ""): lambda given: sandbox.store.need("Variant", n),
            ("POST", "variants", ""): lambda given: sandbox.edit_variant(n, **given),
            ("GET", "invoices", ""): lambda given: sandbox.invoice(n),
            ("POST", "invoices", "cancel"): lambda given: sandbox.cancel(n),
            ("POST", "invoices", "pay"): lambda given: sandbox.pay(n),
            ("POST", "invoices", "tamper"): lambda given: sandbox.tamper(n, **given),
            ("POST", "webhooks", "enable"): lambda given: sandbox.enable_webhook(n),
            ("POST", "sellers", "delete"): lambda given: sandbox.delete_seller(n),
        }
        return pages.get((method, kind, verb))

    def _summary(self, given: Json) -> Json:
        sandbox = self.sandbox
        invoices = sandbox.store.all("Invoice")
        since = stamp(moment(given["since"])) if given.get("since") else None
        flags = Counter(flag for invoice in invoices for flag in invoice["statusFlags"])
        events = Counter(event["state"] for event in sandbox.store.all("WebhookEvent"))
        return {
            "orders": len(sandbox.store.docs.get("Order", {})),
            "invoices": len(invoices),
            "invoices_since": sum(since is None or i["createdAt"] >= since for i in invoices),
            "cancelled": flags["CANCELLED"],
            "unpaid": sum(invoice["paidAt"] is None for invoice in invoices),
            "with_external_id": sum(bool(invoice["externalIds"]) for invoice in invoices),
            "flags": dict(flags),
            "webhook_events": dict(events),
            "deliveries": dict(sandbox.deliveries.counts),
            "requests": dict(sandbox.log.root_fields),
            "operations": dict(sandbox.log.names),
            "mutations": dict(sandbox.log.mutations),
            "statuses": {str(k): v for k, v in sandbox.log.statuses.items()},
            "faults_drawn": dict(sandbox.faults.drawn),
            "orders_per_minute": sandbox.trading.per_minute,
        }

    def _bank(self, given: Json) -> Response:
        """The bank's statement: `format` csv or camt, the latter in `version` 2 or 8."""
        store = self.sandbox.store
        if given.get("format", "csv") == "csv":
            return _text(payouts_files.bank_csv(store))
        return _text(
            payouts_files.bank_camt(store, int(given.get("version", 8))), "application/xml"
        )

    def _settlement(self, given: Json) -> Json:
        """Remittances, advices and bank lines as they are stored: the truth to recompute from."""
        store = self.sandbox.store
        kinds = ("Remittance", "RemittanceAdvice", "InvoiceAmendment", "BankLine", "GatewayLine")
        return {kind: store.all(kind) for kind in kinds}

    def _log(self, given: Json) -> Json:
        log = self.sandbox.log
        rows = [r for r in list(log.operations) if r["number"] > int(given.get("after", 0))]
        field = given.get("root_field")
        if field:
            rows = [row for row in rows if field in row["root_fields"]]
        return {"operations": rows, "mutations": dict(log.mutations)}

    def _orders(self, given: Json) -> Json:
        if "count" in given:
            plain = given.get("plain", True)
            placed = self.sandbox.place_orders(int(given["count"]), plain=plain)
        else:
            placed = [self.sandbox.place_order(**given)]
        numbers = [number for order in placed for number in order["invoiceNumbers"]]
        return {
            "orders": [order["number"] for order in placed],
            "invoices": [self.sandbox.invoice(number) for number in numbers],
        }

    def _rate(self, given: Json) -> Json:
        self.sandbox.trading.per_minute = float(given["per_minute"])
        return {"per_minute": self.sandbox.trading.per_minute}

    def _faults(self, given: Json) -> Json:
        found = self.sandbox.faults.set(given)
        self.sandbox.deliveries.wake()
        return found

    def _limits(self, given: Json) -> Json:
        for name, value in given.items():
            if not hasattr(self.sandbox.limits, name):
                raise ValueError(f"no limit is called {name}")
            setattr(self.sandbox.limits, name, value)
        return vars(self.sandbox.limits)

    def _webhook(self, given: Json) -> Any:
        self.sandbox.register_webhook(**given)
        return self.sandbox.webhook_states()

    def _redeliver(self, given: Json) -> Json:
        times = int(given.get("times", 1))
        return {"queued": self.sandbox.redeliver(int(given["invoice_id"]), times=times)}


def _text(value: str, kind: str = "text/csv") -> Response:
    return Response(value, content_type=f"{kind}; charset=utf-8")


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return Response(text, status, content_type="application/json; charset=utf-8")
