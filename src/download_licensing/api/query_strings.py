"""Query parameters that an operation does not have: refused, for a misspelt one must not be lost.

A history asked for with ``?at=5`` where the parameter is `position` would be answered as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from litestar import Litestar

from download_licensing.api.problems import FieldError, ProblemError, invalid_request
from download_licensing.api.requests import AnyRequest

Operation = tuple[str, str]
"""The path as the document has it, and the method."""


class QueryStrings:
    """Knows the query parameters of every documented operation."""

    app: Litestar
    """Set when the application has been made, before its first request."""

    async def check(self, request: AnyRequest) -> None:
        """Refuse a request whose query has a parameter that its operation does not have.

        An operation that has none takes no notice of a query.

        Raises:
            ProblemError: which one, and which there are.
        """
        if not request.scope["query_string"]:
            return
        known = self._known.get((request.scope["path_template"], request.method), [])
        if not known:
            return
        if unknown := sorted(set(request.query_params) - set(known)):
            message = f"is no parameter here; there are {', '.join(known)}"
            wrong = [FieldError(field=name, message=message) for name in unknown]
            raise ProblemError(invalid_request(wrong))

    @cached_property
    def _known(self) -> Mapping[Operation, list[str]]:
        known: dict[Operation, list[str]] = {}
        for path, item in (self.app.openapi_schema.paths or {}).items():
            for method in ("get", "put", "post", "delete", "patch"):
                operation = getattr(item, method)
                if operation is not None:
                    known[path, method.upper()] = sorted(
                        parameter.name
                        for parameter in operation.parameters or ()
                        if parameter.param_in == "query"
                    )
        return known
