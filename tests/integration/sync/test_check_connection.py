"""`manage.py check_connection`: each step says what is wrong and what to do; nothing is written."""

import json
from contextlib import closing
from io import StringIO

import httpx
import pytest
from django.core.management import call_command

from sync import connections
from sync.domain.delivery import Transient
from sync.erp.business_central import BusinessCentralErp
from sync.erp.held import READS
from sync.erp.netsuite import NetSuiteErp
from sync.erp.odoo import OdooErp
from sync.marketplacer.client import MarketplacerClient
from tests.factories import make_tax_codes
from tests.sandbox.erp import business_central, netsuite
from tests.sandbox.erp.business_central.seed import SETUP
from tests.sandbox.erp.netsuite.seed import key_pair, setup
from tests.sandbox.erp.odoo import company
from tests.sandbox.erp.served import Served, Wire
from tests.sandbox.marketplacer.sandbox import SELLER_KEY

pytestmark = pytest.mark.django_db


def check(*arguments) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and by side the failing steps with what they say."""
    out = StringIO()
    code = 0
    try:
        call_command("check_connection", *arguments, "--json", stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    told = json.loads(out.getvalue())
    assert told.pop("ok") is (code == 0)
    return code, {
        side: {step["name"]: step["detail"] for step in report["steps"] if not step["ok"]}
        for side, report in told.items()
    }


class Bent(httpx.BaseTransport):
    """The sandbox, with some words of its answers changed on the way."""

    def __init__(self, sandbox, old: str, new: str) -> None:
        self._inner, self._old, self._new = httpx.WSGITransport(app=sandbox.wsgi_app), old, new

    def handle_request(self, request):
        answer = self._inner.handle_request(request)
        body = answer.read().decode().replace(self._old, self._new)
        return httpx.Response(answer.status_code, text=body)


@pytest.fixture
def speak(sandbox, monkeypatch, settings):
    """Make `connections` speak to the sandbox with this key and over this transport."""
    settings.MARKETPLACER_WEBHOOK_KEY = "a-key"
    made = []

    def with_(key=sandbox.api_key, transport=None):
        transport = transport or httpx.WSGITransport(app=sandbox.wsgi_app)
        client = MarketplacerClient("http://sandbox/graphql", key, transport=transport)
        made.append(client)
        monkeypatch.setattr(connections, "_marketplacer", lambda: client)

    yield with_
    for client in made:
        client.close()


def test_a_good_marketplace_passes_every_step_and_is_not_written_to(speak, sandbox):
    speak()
    assert check("marketplacer") == (0, {"marketplacer": {}})
    assert not sandbox.log.mutations


def test_a_wrong_key_says_where_to_put_the_right_one(speak):
    speak(key="expired")
    code, failed = check("marketplacer")
    assert code == 1
    assert "MARKETPLACER_API_KEY" in failed["marketplacer"]["Key"]


def test_an_address_where_nobody_answers_says_so(speak, sandbox):
    speak()
    sandbox.faults.set({"fail_next": 1, "fail_status": 502})
    code, failed = check("marketplacer")
    assert code == 1
    assert "MARKETPLACER_URL" in failed["marketplacer"]["Address"]


def test_a_sellers_key_fails_the_reads_it_has_no_right_to(speak, sandbox):
    variant = next(doc for doc in sandbox.store.all("Variant") if doc["published"])
    line = {"variant_legacy_id": variant["number"], "quantity": 1, "delivery_type": "BUY_ONLINE"}
    sandbox.place_order([line], postage=True)
    speak(key=SELLER_KEY.format(variant["sellerNumber"]))
    code, failed = check("marketplacer")
    assert code == 1
    assert "orders:read" in failed["marketplacer"]["Read orders"]


def test_a_field_the_instance_lacks_is_named_before_it_is_written_to(speak, sandbox):
    speak(transport=Bent(sandbox, '"countOnHand"', '"stockOnHand"'))
    code, failed = check("marketplacer")
    assert code == 1
    assert "variantUpdate input.attributes.countOnHand" in failed["marketplacer"]["Write inputs"]


def test_a_mutation_the_instance_lacks_is_named(speak, sandbox):
    speak(transport=Bent(sandbox, '"shipmentUpdate"', '"shipmentChange"'))
    _, failed = check("marketplacer")
    assert "shipmentUpdate" in failed["marketplacer"]["Write inputs"]


def test_a_missing_placeholder_carrier_says_how_to_make_one(speak, settings):
    speak()
    settings.SHIPMENT_CARRIER_PLACEHOLDER = "Pigeon"
    _, failed = check("marketplacer")
    assert "'Pigeon'" in failed["marketplacer"]["Read carriers"]


def test_the_erp_is_held_against_what_is_mapped(erp):
    make_tax_codes()
    erp.delete_tax("GB-STD")
    code, failed = check("erp")
    assert code == 1
    assert "no tax GB-STD" in failed["erp"]["Mapped taxes"]
    assert "Map each role" in failed["erp"]["Mapped accounts"]
    assert set(erp.calls) <= READS


def test_an_erp_that_is_away_is_a_failing_step(erp):
    erp.fail_next(Transient("Connection refused."))
    code, failed = check("erp")
    assert code == 1
    assert failed["erp"] == {"Address": "Connection refused."}


def test_a_closed_period_at_go_live_names_the_first_open_day(erp, settings):
    make_tax_codes()
    erp.close_period(settings.GO_LIVE_AT.date())
    _, failed = check("erp")
    assert "1 Feb 2026" in failed["erp"]["Period of go-live"]


def test_an_erp_user_without_rights_is_told_which_ones(monkeypatch):
    odoo = company(19)
    odoo.lacking |= {("create", "sale.order"), ("write", "stock.picking")}
    served = Served(Wire(odoo.name_of, odoo.answer))
    options = {"url": served.url, "database": odoo.database, "user": odoo.login}
    with closing(OdooErp(**options, password=odoo.key)) as adapter:
        monkeypatch.setattr(connections, "_erp", lambda: adapter)
        code, failed = check("erp")
    served.stop()
    assert code == 1
    assert "create sale.order, write stock.picking" in failed["erp"]["Rights"]


def test_a_business_central_is_asked_for_what_its_set_up_names(monkeypatch):
    central = business_central.company()
    (account,) = central.find("accounts", number="4.1.5")
    central.put(account, {"directPosting": False})
    served = Served(Wire(central.name_of, central.answer))
    options = {"tenant": central.tenant, "environment": central.environment, "setup": SETUP}
    options |= {"client_id": "mkterp", "company": "Northbank UK"}
    options |= {"url": served.url, "login_url": served.url, "password": "a-secret"}
    with closing(BusinessCentralErp(**options)) as adapter:
        monkeypatch.setattr(connections, "_erp", lambda: adapter)
        code, failed = check("erp")
    served.stop()
    assert code == 1
    assert "Direct Posting on the accounts 4.1.5" in failed["erp"]["Accounts"]
    assert not central.find("salesOrders")


def test_a_netsuite_is_asked_for_its_clock_and_what_its_set_up_names(monkeypatch):
    private, public = key_pair()
    account = netsuite.company(public)
    account.one("item", itemid="MKT-SHIPPING")["itemtype"] = "InvtPart"
    options = {"account": "1234567", "client_id": "mkterp", "certificate_id": "cert-1"}
    options |= {"password": private, "setup": setup(account)}
    served = Served(Wire(account.name_of, account.answer))
    with closing(NetSuiteErp(**options, url=served.url)) as adapter:
        monkeypatch.setattr(connections, "_erp", lambda: adapter)
        code, failed = check("erp")
    served.stop()
    assert code == 1
    assert failed["erp"] == {"Items": "The items MKT-SHIPPING move stock: make them services."}
    assert not account.transactions
