"""Sealing: what was granted gets its token, after the decision.

A token is no part of what is decided or recorded: it follows from the grant and the key that signs
now. So a repeated command, whose grant is the recorded one, gets the same token again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from download_licensing.domain.times import earlier
from download_licensing.service import answers
from download_licensing.tokens.claims import Claims, second_of
from download_licensing.tokens.signer import TokenSigner


def sealed(answer: Any, signer: TokenSigner) -> Any:
    """The answer, with its token if it is a grant."""
    if isinstance(answer, answers.Grant):
        return msgspec.structs.replace(answer, token=signer.sign(claims_of(answer, signer.issuer)))
    return answer


def claims_of(grant: answers.Grant, issuer: str) -> Claims:
    """What the token of a grant says; its `jti` is the signer's to make."""
    since = second_of(grant.renewed_at or grant.issued_at)
    ends = earlier(grant.expires_at, grant.playback_ends_at)
    return Claims(
        iss=issuer,
        sub=grant.customer_id,
        device_id=grant.device_id,
        title_id=grant.title_id,
        license_id=grant.license_id,
        iat=since,
        nbf=since,
        exp=None if ends is None else second_of(ends),
        license_exp=None if grant.expires_at is None else second_of(grant.expires_at),
        playback_window_s=grant.playback_window_s,
        playback_exp=None if grant.playback_ends_at is None else second_of(grant.playback_ends_at),
        renewals_left=grant.renewals_left,
        policy_version=grant.policy_version,
        jti="",
    )
