"""The operations on policies, below /v1/admin: list, show, publish, withdraw, reload."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter

from download_licensing.api.bodies import PolicyBody
from download_licensing.api.decoding import JsonBody
from download_licensing.api.documentation import (
    KeyableOperation,
    TimedOperation,
    command_problems,
    query_problems,
)
from download_licensing.api.headers import command_context, decision_time, require_sound_time
from download_licensing.api.paths import ADMIN, ADMIN_POLICIES
from download_licensing.api.problems import ProblemError, unsound_policy
from download_licensing.api.requests import AnyRequest
from download_licensing.documents import Problem
from download_licensing.policies.document import (
    VERSION_CHARACTERS_MAX,
    VERSION_PATTERN,
    PolicyDocument,
    PolicyError,
)
from download_licensing.policies.events import PublishedVersion
from download_licensing.policies.keeping import PolicyKeeper, Reload
from download_licensing.policies.publishing import Publication, PublishPolicy, WithdrawPolicy
from download_licensing.policies.reading import read_policy
from download_licensing.policies.schema import policy_schema

VersionInPath = Annotated[
    str,
    PathParameter(
        pattern=VERSION_PATTERN,
        max_length=VERSION_CHARACTERS_MAX,
        description="The policy's version: 1 to 64 of `A-Za-z0-9._-`, not a dot first.",
    ),
]


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was published.

    Attributes:
        version: its name.
        effective_from: from then on it holds, if it was not withdrawn.
        published_at: when it was published.
        withdrawn_at: null: it was not.
    """

    version: str
    effective_from: datetime
    published_at: datetime
    withdrawn_at: datetime | None


class PolicyVersions(msgspec.Struct, frozen=True, kw_only=True):
    """All versions that were published.

    Attributes:
        in_force: the one that holds now.
        versions: in the order of their dates.
    """

    in_force: str
    versions: list[PolicyVersion]


class PolicyText(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it was published.

    Attributes:
        version: its name.
        effective_from: from then on it holds, if it was not withdrawn.
        published_at: when it was published.
        source: what the document was called.
        document: its text.
    """

    version: str
    effective_from: datetime
    published_at: datetime
    source: str
    document: str


@get(
    ADMIN_POLICIES,
    summary="The policies published",
    tags=["administration"],
    operation_id="listPolicies",
    operation_class=TimedOperation,
    responses=query_problems(),
)
async def list_policies(request: AnyRequest) -> PolicyVersions:
    """All versions, and which one is in force: which held when is never lost."""
    keeper = _keeper(request)
    at = decision_time(request)
    return PolicyVersions(
        in_force=keeper.policies.held_at(at).version,
        versions=[_version(known) for known in await keeper.service.versions()],
    )


@get(
    f"{ADMIN_POLICIES}/{{version:str}}",
    summary="A policy as it was published",
    tags=["administration"],
    operation_id="getPolicy",
    operation_class=TimedOperation,
    responses=query_problems("policy-not-found"),
)
async def get_policy(request: AnyRequest, version: VersionInPath) -> PolicyText:
    """The text of a version, and from when on it holds."""
    require_sound_time(request)
    published = await _keeper(request).service.text_of(version)
    return PolicyText(
        version=published.version,
        effective_from=published.effective_from,
        published_at=published.at,
        source=published.source,
        document=published.document,
    )


@put(
    f"{ADMIN_POLICIES}/{{version:str}}",
    status_code=201,
    dto=JsonBody.of(PolicyBody),
    return_dto=None,
    summary="Publish a policy",
    tags=["administration"],
    operation_id="publishPolicy",
    operation_class=KeyableOperation,
    response_description="Published, and in force from its date on.",
    responses={
        200: ResponseSpec(
            Publication, generate_examples=False, description="It was published before."
        ),
        **command_problems(
            *("policy-unsound", "policy-version-taken", "policy-overtaken", "policy-too-early"),
            *("policy-dates-overlap", "policy-first-too-late", "command-too-large"),
            key=False,
        ),
    },
)
async def publish_policy(
    request: AnyRequest, version: VersionInPath, data: JSONBody[PolicyBody]
) -> Response[Publication]:
    """Check a document whole and publish it. Idempotent by nature; what is unsound changes nothing.

    With `expected`, it is published only if that is still the last version.
    """
    keeper = _keeper(request)
    context = command_context(request, key_required=False)
    # Beside the event loop: a large document takes its time.
    document = await asyncio.to_thread(_checked, keeper, version, data.document)
    published: Publication = await keeper.service.execute(
        PublishPolicy.of(document, data.expected), context
    )
    await keeper.policies.refresh()
    return Response(published, status_code=201 if published.created else 200)


@delete(
    f"{ADMIN_POLICIES}/{{version:str}}",
    status_code=200,
    summary="Withdraw a policy",
    tags=["administration"],
    operation_id="withdrawPolicy",
    operation_class=KeyableOperation,
    response_description="Withdrawn: it never holds.",
    responses=command_problems("policy-not-found", "policy-in-force", key=False, body=False),
)
async def withdraw_policy(request: AnyRequest, version: VersionInPath) -> PolicyVersion:
    """Take a version back before it takes effect. Idempotent by nature."""
    keeper = _keeper(request)
    withdrawn: PublishedVersion = await keeper.service.execute(
        WithdrawPolicy(version=version), command_context(request, key_required=False)
    )
    await keeper.policies.refresh()
    return _version(withdrawn)


@post(
    f"{ADMIN_POLICIES}/reload",
    status_code=200,
    summary="Look for new policies now",
    tags=["administration"],
    operation_id="reloadPolicies",
    operation_class=TimedOperation,
    response_description="What is in force now.",
    responses=query_problems(),
)
async def reload_policies(request: AnyRequest) -> Reload:
    """Read what is published, and the policy file if there is one, without waiting for the turn."""
    return await _keeper(request).reload(decision_time(request))


@get(
    f"{ADMIN}/policy-schema",
    summary="The form of policies",
    tags=["administration"],
    operation_id="getPolicySchema",
    operation_class=TimedOperation,
    responses=query_problems(),
    sync_to_thread=False,
)
def get_policy_schema(request: AnyRequest) -> dict[str, Any]:
    """The JSON Schema of policy documents, made from the rules."""
    require_sound_time(request)
    return policy_schema()


def _checked(keeper: PolicyKeeper, version: str, text: str) -> PolicyDocument:
    """The document, held against the catalogue.

    Raises:
        ProblemError: it is unsound; all that is wrong is listed.
    """
    source = f"policy {version}"
    try:
        document = read_policy(
            text.encode(), source, keeper.catalogue, bytes_max=keeper.document_bytes_max
        )
        if document.version != version:
            message = f"is {document.version}, not {version} as in the path. Make them the same."
            raise PolicyError(source, [Problem(message=message, path="version")])
    except PolicyError as error:
        raise ProblemError(unsound_policy(error)) from None
    return document


def _version(known: PublishedVersion) -> PolicyVersion:
    return PolicyVersion(
        version=known.version,
        effective_from=known.effective_from,
        published_at=known.published_at,
        withdrawn_at=known.withdrawn_at,
    )


def _keeper(request: AnyRequest) -> PolicyKeeper:
    keeper: PolicyKeeper = request.app.state.policies
    return keeper


POLICIES = (
    list_policies,
    get_policy,
    publish_policy,
    withdraw_policy,
    reload_policies,
    get_policy_schema,
)
