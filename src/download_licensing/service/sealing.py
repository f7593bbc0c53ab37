"""Sealing: what was granted gets its token, after the decision.

A token is no part of what is decided or recorded: it follows from the grant and the key that signs
now. So a repeated command, whose grant is the recorded one, gets the same token again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from download_licensing.domain.license import License
from download_licensing.domain.times import earlier
from download_licensing.service import answers
from download_licensing.tokens.claims import Claims, second_of
from download_licensing.tokens.signer import TokenSigner


def sealed(answer: Any, signer: TokenSigner) -> Any:
    """The answer, with a token in each grant there is in it."""
    if isinstance(answer, answers.Grant):
        since = answer.renewed_at or answer.issued_at
        token = signer.sign(_claims(answer.customer_id, answer.license_id, since, answer, signer))
        return msgspec.structs.replace(answer, token=token)
    if isinstance(answer, answers.Synced | answers.Renewed):
        items = tuple([_sealed_item(item, signer) for item in answer.items])
        return msgspec.structs.replace(answer, items=items)
    return answer


def _sealed_item(item: answers.SyncedItem, signer: TokenSigner) -> answers.SyncedItem:
    if item.grant is None:
        return item
    return msgspec.structs.replace(item, grant=sealed(item.grant, signer))


def token_of(customer_id: str, held: License, signer: TokenSigner) -> str:
    """The token of an issued licence as it stands."""
    assert held.extended_at is not None
    return signer.sign(_claims(customer_id, held.id, held.extended_at, held, signer))


def _claims(
    customer_id: str,
    license_id: str,
    since: datetime,
    source: answers.Grant | License,
    signer: TokenSigner,
) -> Claims:
    """What a token says; its `jti` is the signer's to make."""
    begins = second_of(since)
    return Claims(
        iss=signer.issuer,
        sub=customer_id,
        device_id=source.device_id,
        title_id=source.title_id,
        license_id=license_id,
        iat=begins,
        nbf=begins,
        exp=_second(earlier(source.expires_at, source.playback_ends_at)),
        license_exp=_second(source.expires_at),
        playback_window_s=source.playback_window_s,
        playback_exp=_second(source.playback_ends_at),
        renewals_left=source.renewals_left,
        policy_version=source.policy_version,
        jti="",
    )


def _second(moment: datetime | None) -> int | None:
    return None if moment is None else second_of(moment)
