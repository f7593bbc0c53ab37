"""Verifying a store: every stream against all that must hold for one."""

from __future__ import annotations

from helenus.findings import Finding
from helenus.verification.verifying import (
    KINDS,
    VerificationSettings,
    Verified,
    VerifiedStore,
    verify_streams,
)

__all__ = [
    "KINDS",
    "Finding",
    "VerificationSettings",
    "Verified",
    "VerifiedStore",
    "verify_streams",
]
