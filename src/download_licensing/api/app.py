"""Puts the application together: handlers, failures, document, and the gate in front of them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.datastructures import State

from download_licensing.api.admin import ADMINISTRATION
from download_licensing.api.commands import COMMANDS
from download_licensing.api.debugging import DEBUGGING
from download_licensing.api.documentation import openapi
from download_licensing.api.failures import Failures
from download_licensing.api.gate import Gate
from download_licensing.api.health import HEALTH
from download_licensing.api.key_set import KEY_SET
from download_licensing.api.landing import landing
from download_licensing.api.methods import options_of
from download_licensing.api.policies import POLICIES
from download_licensing.api.queries import QUERIES
from download_licensing.api.query_strings import QueryStrings
from download_licensing.api.syncing import SYNCING
from download_licensing.debugging.debugger import Debugger
from download_licensing.observability import Metrics
from download_licensing.policies.keeping import PolicyKeeper
from download_licensing.service.licensing import LicensingService
from download_licensing.tokens.signer import TokenSigner
from helenus.store import EventStore

PUBLIC = (*COMMANDS, *SYNCING, *QUERIES, *KEY_SET, *HEALTH, landing)
"""What devices, the account page, and those who keep the service running ask for."""
OPERATORS = (*ADMINISTRATION, *DEBUGGING, *POLICIES)
"""What billing and operators ask for."""


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the API needs to know.

    Attributes:
        rehearsal: whether requests may set the time of a decision.
        access_log: whether each request gets a line.
        requests_in_flight_max: requests carried out at once; a further one is refused.
        request_body_bytes_max: largest body.
        retry_after_s: the Retry-After of answers that say "not now".
        readiness_timeout_s: how long the store may take to answer.
        key_set_max_age_s: how long the key set may be cached.
    """

    rehearsal: bool = False
    access_log: bool = False
    requests_in_flight_max: int = 1_000
    request_body_bytes_max: int = 64 * 1024
    retry_after_s: int = 1
    readiness_timeout_s: float = 1.0
    key_set_max_age_s: int = 3_600


class Api(msgspec.Struct, frozen=True):
    """The application.

    Attributes:
        litestar: the handlers and their document.
        gate: the same behind its gate; this is what a server runs.
        policies: can be told to look for new ones.
    """

    litestar: Litestar
    gate: Gate
    policies: PolicyKeeper


def create_api(
    licensing: LicensingService,
    store: EventStore,
    metrics: Metrics,
    signer: TokenSigner,
    *,
    policies: PolicyKeeper,
    debugger: Debugger,
    settings: ApiSettings | None = None,
) -> Api:
    """Make the application.

    Args:
        licensing: carries out commands and answers queries.
        store: is asked whether it answers.
        metrics: is told about requests, and shown.
        signer: publishes the keys that verify tokens.
        policies: is asked which one is in force, and publishes others.
        debugger: answers operators' questions about customers.
        settings: see `ApiSettings`.
    """
    settings = settings or ApiSettings()
    state: dict[str, Any] = {
        "licensing": licensing,
        "store": store,
        "metrics": metrics,
        "signer": signer,
        "policies": policies,
        "debugger": debugger,
        "key_set_max_age_s": settings.key_set_max_age_s,
        "rehearsal": settings.rehearsal,
        "readiness_timeout_s": settings.readiness_timeout_s,
        "retry": {"Retry-After": str(settings.retry_after_s)},
    }
    query_strings = QueryStrings()
    litestar = Litestar(
        before_request=query_strings.check,
        route_handlers=[
            options_of(PUBLIC),
            *PUBLIC,
            # A router of their own, so that one guard can stand before all of them.
            Router("/", route_handlers=[options_of(OPERATORS), *OPERATORS]),
        ],
        exception_handlers=Failures(retry_after_s=settings.retry_after_s).handlers(),
        openapi_config=openapi(version("helenus")),
        request_max_body_size=settings.request_body_bytes_max,
        state=State(state),
        logging_config=None,
        debug=False,
    )
    query_strings.app = litestar
    gate = Gate(
        litestar,
        metrics,
        requests_in_flight_max=settings.requests_in_flight_max,
        retry_after_s=settings.retry_after_s,
        access_log=settings.access_log,
    )
    return Api(litestar, gate, policies)
