"""An ERP in memory, held to the same contract suite as the real one (tests/contract/erp)."""

from tests.fakes.erp import FakeErp

__all__ = ["FakeErp"]
