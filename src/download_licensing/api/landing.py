"""The page at /: every operation on one screen, made from the OpenAPI document.

It has no script and loads nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from litestar import MediaType, Response, get
from litestar.openapi.spec import OpenAPI, Operation

from download_licensing.api.requests import AnyRequest

_METHODS = ("get", "put", "post", "delete")
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem }}
code {{ font-size: .9em }} td {{ padding: .2rem 1.5rem .2rem 0; vertical-align: top }}
</style>
<h1>{title} {version}</h1>
{description}
<p><a href="/schema/openapi.json">OpenAPI document</a> (<a href="/schema/openapi.yaml">YAML</a>) ·
<a href="/health/ready">readiness</a> · <a href="/metrics">metrics</a></p>
{sections}
</html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


@get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
def landing(request: AnyRequest) -> Response[str]:
    """The page."""
    return Response(render(request.app.openapi_schema), media_type=MediaType.HTML, headers=_HEADERS)


def render(document: OpenAPI) -> str:
    """The page for a document."""
    paragraphs = (document.info.description or "").strip().split("\n\n")
    return _PAGE.format(
        title=escape(document.info.title),
        version=escape(document.info.version),
        description="\n".join(f"<p>{_code(text)}</p>" for text in paragraphs),
        sections="\n".join(_sections(document)),
    )


def _sections(document: OpenAPI) -> Iterator[str]:
    operations = list(_operations(document))
    for tag in document.tags or []:
        yield f"<h2>{escape(tag.name.capitalize())}</h2>\n<table>"
        for method, path, operation in operations:
            if tag.name in (operation.tags or []):
                call = f"<code>{method.upper()} {escape(path)}</code>"
                text = _code(operation.description or operation.summary or "")
                yield f"<tr><td>{call}<td>{text}"
        yield "</table>"


def _operations(document: OpenAPI) -> Iterator[tuple[str, str, Operation]]:
    for path, item in (document.paths or {}).items():
        for method in _METHODS:
            operation = getattr(item, method)
            if operation is not None:
                yield method, path, operation


def _code(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
