"""OPTIONS: which methods a path has.

Litestar makes an answer of its own for each path when its first handler is registered, and keeps
it: of what is registered for the path afterwards it knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from download_licensing.api.requests import AnyRequest


def options_of(handlers: Iterable[HTTPRouteHandler]) -> HTTPRouteHandler:
    """What answers OPTIONS on the paths of these handlers.

    Register it before them, in the same place.
    """
    paths = sorted({path for handler in handlers for path in handler.paths})

    @route(paths, http_method="OPTIONS", include_in_schema=False, sync_to_thread=False)
    def options(request: AnyRequest) -> Response[None]:
        path = request.scope["path_template"]
        methods = {
            method
            for registered in request.app.routes
            if registered.path_format == path
            for method in registered.methods
        }
        return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})

    return options
