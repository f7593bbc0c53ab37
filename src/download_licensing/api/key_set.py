"""The key set: what devices and others verify licence tokens with."""

from __future__ import annotations

from litestar import Response, get

from download_licensing.api.requests import AnyRequest
from download_licensing.tokens.keys import JsonWebKeySet

PATH = "/.well-known/jwks.json"
MEDIA_TYPE = "application/jwk-set+json"


@get(
    PATH,
    summary="The key set",
    tags=["tokens"],
    operation_id="getKeySet",
    media_type=MEDIA_TYPE,
    response_description="The keys that verify tokens (RFC 7517), the one that signs now first.",
    sync_to_thread=False,
)
def get_key_set(request: AnyRequest) -> Response[JsonWebKeySet]:
    """The public keys by which a device verifies the tokens of grants.

    It may be cached for the time in `Cache-Control`. A token whose key is not in a cached set asks
    for a newer one.
    """
    state = request.app.state
    headers = {"Cache-Control": f"public, max-age={state.key_set_max_age_s}"}
    key_set: JsonWebKeySet = state.signer.ring.key_set
    return Response(key_set, media_type=MEDIA_TYPE, headers=headers)


KEY_SET = (get_key_set,)
