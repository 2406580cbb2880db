"""The adapter for Microsoft Dynamics 365 Business Central online: its standard API v2.0."""

from sync.erp.business_central.adapter import BusinessCentralErp

__all__ = ["BusinessCentralErp"]
