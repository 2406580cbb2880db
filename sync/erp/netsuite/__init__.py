"""The adapter for Oracle NetSuite: its REST record API and SuiteQL."""

from sync.erp.netsuite.adapter import NetSuiteErp

__all__ = ["NetSuiteErp"]
