"""What a handler is given, and how it has the service carry out a command."""

from __future__ import annotations

from typing import Any

from litestar import Request

AnyRequest = Request[Any, Any, Any]
"""Any request: nothing here depends on its user, its authentication or its state."""
