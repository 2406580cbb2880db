"""A real Tryton for the session, and the ERPs the suite runs on."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mkterp.postgres import Cluster, default_data_dir
from tests.contract.erp.business_central_house import BusinessCentralHouse
from tests.contract.erp.houses import ErpHouse, FakeHouse, TrytonHouse
from tests.contract.erp.netsuite_house import NetSuiteHouse
from tests.contract.erp.odoo_house import OdooHouse
from tests.sandbox.erp import Tryton, progress, running_tryton


def _server() -> tuple[str, Path | None]:
    """The PostgreSQL of the tests' Tryton: TEST_ERP_PG_URI, else the tests' own server."""
    if uri := os.environ.get("TEST_ERP_PG_URI"):
        tools = os.environ.get("TEST_ERP_PG_BIN")
        return uri, Path(tools) if tools else None
    cluster = Cluster(default_data_dir(), durable=False)
    return cluster.ensure(), cluster.bin_dir


@pytest.fixture(scope="session")
def tryton() -> Iterator[Tryton]:
    """A fresh Tryton with the catalogue's items, gone when the session ends."""
    uri, tools = _server()
    with running_tryton(
        pg_uri=uri,
        pg_bin=tools,
        database=f"erp_contract_{os.getpid()}",
        say=progress if sys.stderr.isatty() else lambda _: None,
    ) as running:
        yield running


@pytest.fixture(scope="session")
def tryton_house(tryton: Tryton) -> Iterator[TrytonHouse]:
    house = TrytonHouse(tryton)
    yield house
    house.close()


@pytest.fixture(params=["fake", "tryton", "odoo-16", "odoo-19", "business-central", "netsuite"])
def house(request: pytest.FixtureRequest) -> Iterator[ErpHouse]:
    """The ERP under test; a failing Tryton fails here, and its message says what to do."""
    name, _, series = request.param.partition("-")
    if name == "fake":
        yield FakeHouse()
    elif name == "odoo":
        odoo = OdooHouse(int(series))
        yield odoo
        odoo.close()
    elif name == "business":
        central = BusinessCentralHouse()
        yield central
        central.close()
    elif name == "netsuite":
        netsuite = NetSuiteHouse()
        yield netsuite
        netsuite.close()
    else:
        yield request.getfixturevalue("tryton_house")


@pytest.fixture
def central() -> Iterator[BusinessCentralHouse]:
    """A Business Central, for what only it can show."""
    house = BusinessCentralHouse()
    yield house
    house.close()


@pytest.fixture
def netsuite() -> Iterator[NetSuiteHouse]:
    """A NetSuite, for what only it can show."""
    house = NetSuiteHouse()
    yield house
    house.close()
