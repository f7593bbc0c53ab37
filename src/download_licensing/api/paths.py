"""The paths that several operations begin with."""

from __future__ import annotations

CUSTOMER = "/v1/customers/{customer_id:str}"
"""What devices and the account page ask for."""
LICENSE = f"{CUSTOMER}/licenses/{{license_id:str}}"

ADMIN = "/v1/admin"
"""What billing and operators ask for."""
ADMIN_CUSTOMER = f"{ADMIN}/customers/{{customer_id:str}}"
ADMIN_TITLE = f"{ADMIN}/titles/{{title_id:str}}"
ADMIN_POLICIES = f"{ADMIN}/policies"
