"""A service in memory that is right by the oracle's own lights: histories to accept, and to spoil.

It takes the calls of the simulation as HTTP, decides by the oracle's count, and records what the
contract says. So whatever the oracle finds in an unspoilt history of it is a mistake of its own, or
of the driver's.
"""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from download_licensing.simulate.oracle import RecordedEvent
from download_licensing.simulate.oracle.answers import Unmet
from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept
from download_licensing.simulate.oracle.limits import (
    active_left,
    devices_left,
    downloads_left,
    ends_at,
    holding,
    renewals_left,
    unmet_by_renewal,
    unmet_by_request,
)
from download_licensing.simulate.oracle.records import tell
from download_licensing.simulate.oracle.sessions import between, session_expected
from download_licensing.simulate.oracle.terms import Clause, Layer, Terms, Version
from download_licensing.simulate.oracle.withdrawals import Withdrawn, seen
from download_licensing.simulate.wire import HttpRequest, HttpResponse
from tests.unit.download_licensing.simulate.paper_titles import RECORDED_AT, TitlesOnPaper

Json = dict[str, Any]
Reply = tuple[int, Json]
Fact = tuple[str, str, str, Json]


_SETTLING_NOTHING = {"account", "region", "block", "standing"}


def plan(devices: int, downloads: int) -> Layer:
    return {
        "device-limit": {"devices_max": devices},
        "active-downloads-per-device": {"downloads_max": downloads},
    }


def title(downloads: int | None, hours: int, window_hours: int, renewals: int | None) -> Layer:
    counts: dict[str, Clause | None] = {
        "title-downloads-per-year": None if downloads is None else {"downloads_max": downloads},
        "renewals-per-license": None if renewals is None else {"renewals_max": renewals},
    }
    durations = {
        "license-duration": {"hours": hours},
        "playback-window": {"hours": window_hours},
    }
    return counts | durations


LAYERS: dict[str, Layer] = {
    "default": {"operator-block": {}, "account-standing": {}},
    "plans.basic": plan(1, 3),
    "plans.standard": plan(2, 4),
    "titles.short": title(2, 48, 12, 1),
    "titles.month": title(3, 30 * 24, 48, 2),
    "titles.once": title(1, 7 * 24, 0, 0),
    "titles.free": title(None, 30 * 24, 0, None),
    "titles.endless": title(5, 0, 0, None),
}
TERMS = Terms(
    plans=frozenset({"basic", "standard"}),
    titles={"short": "", "month": "", "once": "", "free": "tide", "endless": "tide"},
    versions=(Version("v1", None, LAYERS),),
)


def terms_with(
    rule: str, *, since: datetime | None = None, off: bool = False, **parameters: Any
) -> Terms:
    """The terms with one rule set anew for every title, or off; with a date, a second version."""
    layers = {
        place: {**layer, rule: None if off else parameters}
        if place.startswith("titles.")
        else layer
        for place, layer in LAYERS.items()
    }
    changed = Version("v2", since, layers) if since else Version("v1", None, layers)
    versions = (*TERMS.versions, changed) if since else (changed,)
    return msgspec.structs.replace(TERMS, versions=versions)


class Stream:
    """One customer's events, and the answers by key."""

    def __init__(self, customer_id: str) -> None:
        self.kept = self.ledger = Ledger(customer_id)
        self._withdrawn: Withdrawn = {}
        self._at = RECORDED_AT
        self._settles = False
        self.events: list[RecordedEvent] = []
        self.answers: dict[str, tuple[tuple[str, ...], Reply]] = {}
        self.renewed_by: set[tuple[str, str]] = set()
        self._commit = 0

    @contextlib.contextmanager
    def one_commit(self) -> Iterator[None]:
        """All that is recorded in the block is of one commit."""
        self._commit = len(self.events) + 1
        yield
        self._commit = 0

    def look(self, withdrawn: Withdrawn, at: datetime, *, settles: bool) -> None:
        """See the customer at a time; what ended meanwhile is recorded with what is to come."""
        self._withdrawn, self._at, self._settles = withdrawn, at, settles
        self.ledger = seen(self.kept, withdrawn, at)

    def settle(self, key: str) -> None:
        """Record what ended meanwhile, if that was not done and is to be."""
        if self._settles and self.ledger.ended:
            self.record(key, self._at)

    def record(self, key: str, at: datetime, *facts: Fact) -> None:
        """Append one commit of (aggregate type, aggregate id, event name, data)."""
        settling = _downloads_ended(self.ledger, self.ledger.ended) if self._settles else ()
        self._append(key, at, *settling, *facts)
        self.ledger = seen(self.kept, self._withdrawn, self._at)

    def _append(self, key: str, at: datetime, *facts: Fact) -> None:
        first = self._commit or len(self.events) + 1
        recorded_at, commit_id = RECORDED_AT + timedelta(seconds=first), f"commit-{first}"
        for aggregate_type, aggregate_id, name, data in facts:
            position = len(self.events) + 1
            event = RecordedEvent(
                position=position,
                aggregate_type=aggregate_type,
                aggregate_id=aggregate_id,
                name=name,
                commit_id=commit_id,
                recorded_at=recorded_at,
                command_id=key,
                data=msgspec.Raw(msgspec.json.encode({**data, "at": at})),
            )
            self.events.append(event)
            self.kept.enter(tell(event))


class PaperService:
    """A transport that answers by itself.

    Attributes:
        knows: whether it minds that titles are withdrawn.
    """

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.titles = TitlesOnPaper()
        self.knows = True
        self.streams: dict[str, Stream] = {}
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        url = urlsplit(request.path)
        parts = url.path.split("/")
        if "titles" in parts:
            return self._withdraw(request, parts[parts.index("titles") + 1])
        customer_id, *path = parts[parts.index("customers") + 1 :]
        stream = self.streams.setdefault(customer_id, Stream(customer_id))
        at = datetime.fromisoformat(request.headers["rehearsal-time"])
        key = request.headers.get("idempotency-key", "")
        body: Json = msgspec.json.decode(request.body) if request.body else {}
        body |= {name: values[0] for name, values in parse_qs(url.query).items()}
        command = (request.method, request.path, str(request.body))
        known = stream.answers.get(key)
        if known is not None and known[0] != command:
            return _response(_problem(422, "idempotency-key-reused"))
        if known is not None:
            return _response(known[1], replay=True)
        head = len(stream.events)
        settles = request.method != "GET" and path[-1] not in _SETTLING_NOTHING
        stream.look(self.titles.withdrawn if self.knows else {}, at, settles=settles)
        decide = self._decide_operators if "admin" in parts else self._decide
        reply = decide(stream, (request.method, path), key, at, body)
        if reply[0] < 400:
            stream.settle(key)
        if len(stream.events) > head:
            stream.answers[key] = (command, reply)
        return _response(reply)

    def _withdraw(self, request: HttpRequest, title_id: str) -> HttpResponse:
        at = datetime.fromisoformat(request.headers["rehearsal-time"])
        key = request.headers["idempotency-key"]
        if request.method == "DELETE":
            return _response((200, self.titles.reinstate(title_id, key, at)))
        reason = msgspec.json.decode(request.body or b"")["reason"]
        return _response((200, self.titles.withdraw(title_id, key, at, reason)))

    def _decide(
        self, stream: Stream, request: tuple[str, list[str]], key: str, at: datetime, body: Json
    ) -> Reply:
        method, path = request
        if path != ["account"] and stream.ledger.plan is None:
            return _problem(404, "account-not-found")
        match method, path:
            case "PUT", ["account"]:
                return self._open(stream, key, at, body)
            case "PUT", ["account", "plan"]:
                return self._plan(stream, key, at, body)
            case "PUT", ["account", "region"]:
                told = (body["country"], body["time_zone"])
                known = (stream.ledger.country, stream.ledger.time_zone)
                return _account(
                    stream, key, at, ("region-changed", body) if known != told else None
                )
            case "POST", ["licenses"]:
                return self._request(stream, key, at, body["device_id"], body["title_id"])
            case "POST", ["licenses", license_id, "renewals"]:
                return self._renew(stream, key, at, stream.ledger.licenses[license_id])
            case "POST", ["licenses", license_id, "plays"]:
                return self._play(stream, key, at, license_id, body["played_at"])
            case "POST", ["licenses", license_id, "release"]:
                return self._release(stream, key, at, license_id, body.get("released_at"))
            case "POST", ["licenses", license_id, "sessions", session_id]:
                return self._session(stream, key, at, (license_id, session_id), body["events"])
            case "POST", ["sync"]:
                with stream.one_commit():
                    return self._sync(stream, key, at, body)
            case "POST", ["renewals"]:
                with stream.one_commit():
                    return self._renew_many(stream, key, at, body["license_ids"])
            case "DELETE", ["devices", device_id]:
                return self._remove(stream, key, at, device_id)
            case "GET", ["licenses", license_id]:
                return 200, _license(stream, license_id, at)
            case "GET", ["devices"]:
                return 200, self._devices(stream, at)
            case "GET", ["allowance"] if body["title_id"] in stream.ledger.gone:
                return _problem(409, "title-withdrawn")
            case "GET", ["allowance"]:
                return 200, self._allowance(stream, at, body["device_id"], body["title_id"])
            case _:
                raise AssertionError(f"{method} {path}")

    def _open(self, stream: Stream, key: str, at: datetime, body: Json) -> Reply:
        asked = {"country": "", "time_zone": "UTC", **body}
        ledger = stream.ledger
        known = {"plan": ledger.plan, "country": ledger.country, "time_zone": ledger.time_zone}
        if ledger.plan is not None and asked != known:
            return _problem(409, "account-exists")
        new = ledger.plan is None
        status, account = _account(stream, key, at, ("account-opened", asked) if new else None)
        return (201 if new else status), account

    def _plan(self, stream: Stream, key: str, at: datetime, body: Json) -> Reply:
        news = stream.ledger.plan != body["plan"]
        _, account = _account(stream, key, at, ("plan-changed", body) if news else None)
        most = holding(stream.ledger, self.terms, at).most("device-limit", "devices_max")
        in_use = len(stream.ledger.holding(at))
        told = {"devices_max": most, "devices_in_use": in_use}
        return 200, {"account": account, **told, "fits": most is None or in_use <= most}

    def _decide_operators(
        self, stream: Stream, request: tuple[str, list[str]], key: str, at: datetime, body: Json
    ) -> Reply:
        ledger = stream.ledger
        match request:
            case "PUT", ["standing"]:
                news = ledger.standing != body["standing"]
                cancels = news and body["standing"] == "cancelled"
                lasting = {k.license_id: at for k in ledger.licenses.values() if k.active(at)}
                ends = {**ledger.ended, **(lasting if cancels else {})}
                ended = list(_downloads_ended(ledger, ends))
                if ended and not news:
                    stream.record(key, at, *ended)
                return _account(
                    stream, key, at, ("standing-changed", body) if news else None, *ended
                )
            case "PUT", ["block"]:
                news = ledger.blocked != body["reason"]
                return _account(stream, key, at, ("account-blocked", body) if news else None)
            case "DELETE", ["block"]:
                change = ("account-unblocked", Json()) if ledger.blocked else None
                return _account(stream, key, at, change)
            case "PUT", ["licenses", license_id, "revocation"]:
                kept = ledger.licenses[license_id]
                if kept.ended_at is None:
                    revoked = ("license", license_id, "license-revoked", body)
                    stream.record(key, at, *_noted(kept), revoked, _dropped(kept))
                return 200, _license(stream, license_id, at)
            case _:
                raise AssertionError(f"{request}")

    def _request(
        self, stream: Stream, key: str, at: datetime, device_id: str, title_id: str
    ) -> Reply:
        if title_id in stream.ledger.gone:
            return _problem(409, "title-withdrawn")
        if unmet := unmet_by_request(stream.ledger, self.terms, device_id, title_id, at):
            return self._refusal(stream, unmet, at)
        holds = holding(stream.ledger, self.terms, at, title_id)
        license_id, expires_at = f"lic-{key}", ends_at(holds, at)
        about = {"license_id": license_id, "device_id": device_id}
        issued = {
            "title_id": title_id,
            "device_id": device_id,
            "plan": stream.ledger.plan,
            "expires_at": expires_at,
            "playback_window_s": _seconds(holds.span("playback-window")),
            "renewals_max": holds.most("renewals-per-license", "renewals_max"),
            "policy_version": holds.version,
        }
        device = stream.ledger.devices.get(device_id)
        new = device is None or device.removed_at is not None
        registered = ("account", "account", "device-registered", {"device_id": device_id})
        stream.record(
            key,
            at,
            *([registered] if new else []),
            ("downloaded-title", title_id, "download-counted", about),
            ("device", device_id, "download-held", _held(license_id, title_id, expires_at)),
            ("license", license_id, "license-issued", issued),
        )
        return 201, self._grant(stream, license_id, at)

    def _renew(
        self, stream: Stream, key: str, at: datetime, kept: LicenseKept, item_id: str = ""
    ) -> Reply:
        if kept.ended_at is not None:
            return _problem(409, f"license-{'released' if kept.released_at else 'revoked'}")
        if kept.title_id in stream.ledger.gone:
            return _problem(409, "title-withdrawn")
        if unmet := unmet_by_renewal(stream.ledger, self.terms, kept, at):
            return self._refusal(stream, unmet, at)
        refresh = not kept.active(at)
        holds = holding(stream.ledger, self.terms, at, kept.title_id)
        expires_at = ends_at(holds, at)
        ends = [expires_at, None if refresh else kept.playback_ends_at]
        held_until = min((end for end in ends if end), default=None)
        about = {"license_id": kept.license_id, "device_id": kept.device_id}
        counted = ("downloaded-title", kept.title_id, "download-counted", about)
        told = {"policy_version": holds.version, "item_id": item_id}
        renewed = {"expires_at": expires_at, "refresh": refresh, **told}
        held = _held(kept.license_id, kept.title_id, held_until)
        stream.record(
            key,
            at,
            *_noted(kept),
            *([counted] if refresh else []),
            ("device", kept.device_id, "download-held", held),
            ("license", kept.license_id, "license-renewed", renewed),
        )
        return 200, self._grant(stream, kept.license_id, at)

    def _play(self, stream: Stream, key: str, at: datetime, license_id: str, said: str) -> Reply:
        kept = stream.ledger.licenses[license_id]
        if kept.ended_at is None and kept.first_played_at is None:
            told = datetime.fromisoformat(said)
            played_at = between(told, kept.since, at)
            counted = _play_counted(kept, "", played_at)
            stream.record(key, at, *_noted(kept), counted, *_first_play(kept, told, at))
        elif noted := _noted(kept):
            stream.record(key, at, *noted)
        return 200, _license(stream, license_id, at)

    def _sync(self, stream: Stream, key: str, at: datetime, body: Json) -> Reply:
        told = [("play", item, item["played_at"]) for item in body.get("plays", ())]
        told += [
            ("session", item, min(event["at"] for event in item["events"]))
            for item in body.get("sessions", ())
        ]
        items = [("release", item) for item in body.get("releases", ())]
        items += [(kind, item) for kind, item, _ in sorted(told, key=lambda each: each[2])]
        items += [("renewal", item) for item in body.get("renewals", ())]
        answered = [self._item(stream, key, at, kind, item) for kind, item in items]
        about = {"customer_id": stream.ledger.customer_id, "device_id": body["device_id"]}
        return 200, {**about, "items": answered}

    def _renew_many(self, stream: Stream, key: str, at: datetime, wanted: list[str]) -> Reply:
        items = [{"item_id": f"key-{key}", "license_id": license_id} for license_id in wanted]
        answered = [self._item(stream, key, at, "renewal", item) for item in items]
        return 200, {"customer_id": stream.ledger.customer_id, "items": answered}

    def _item(self, stream: Stream, key: str, at: datetime, kind: str, item: Json) -> Json:
        license_id, head = item["license_id"], len(stream.events)
        if noted := _noted(stream.ledger.licenses[license_id]):
            stream.record(key, at, *noted)  # also where the item is then refused
        kept = stream.ledger.licenses[license_id]
        match kind:
            case "release":
                status, body = self._release(stream, key, at, license_id, item.get("released_at"))
            case "play":
                status, body = self._play(stream, key, at, license_id, item["played_at"])
            case "session":
                ids = (license_id, item["session_id"])
                status, body = self._session(stream, key, at, ids, item["events"])
            case _ if (license_id, item["item_id"]) in stream.renewed_by and not kept.ended_at:
                status, body = 200, self._grant(stream, license_id, at)
            case _:
                status, body = self._renew(stream, key, at, kept, item["item_id"])
                if status == 200:
                    stream.renewed_by.add((license_id, item["item_id"]))
        noting = {"license-cut", "downloads-ended"}
        done = any(event.name not in noting for event in stream.events[head:])
        refused = status >= 400
        kept = stream.ledger.licenses[license_id]
        return {
            "item_id": item["item_id"],
            "kind": kind,
            "license_id": license_id,
            "outcome": "refused" if refused else "done" if done else "repeated",
            "state": None if refused else kept.state(at),
            "effective_expires_at": None if refused else kept.ends_at(),
            "grant": body if kind == "renewal" and not refused else None,
            "refusal": _item_refusal(body, at, len(stream.events)) if refused else None,
        }

    def _session(
        self, stream: Stream, key: str, at: datetime, ids: tuple[str, str], events: list[Json]
    ) -> Reply:
        license_id, session_id = ids
        kept = stream.ledger.licenses[license_id]
        told = [(event["kind"], datetime.fromisoformat(event["at"])) for event in events]
        expected = session_expected(kept, session_id, told, at)
        if expected is not None:
            facts: list[Fact] = [
                ("license", license_id, "session-reported", msgspec.to_builtins(expected))
            ]
            if session_id not in kept.sessions:
                facts.append(_play_counted(kept, session_id, expected.started_at))
                if kept.ended_at is None and kept.first_played_at is None:
                    facts += _first_play(kept, expected.reported_at_device, at)
            stream.record(key, at, *_noted(kept), *facts)
        elif noted := _noted(kept):
            stream.record(key, at, *noted)
        known = kept.sessions[session_id]
        session = {
            "session_id": session_id,
            "state": known.state,
            "started_at": known.started_at,
            "last_event_at": known.last_at,
        }
        body = {"license": _license(stream, license_id, at), "session": session}
        return 200, {**body, "news": expected is not None}

    def _release(
        self, stream: Stream, key: str, at: datetime, license_id: str, said: str | None
    ) -> Reply:
        kept = stream.ledger.licenses[license_id]
        if kept.ended_at is None:
            stream.record(key, at, *_noted(kept), *_released(kept, "deleted", said))
        return 200, _license(stream, license_id, at)

    def _remove(self, stream: Stream, key: str, at: datetime, device_id: str) -> Reply:
        device = stream.ledger.devices.get(device_id)
        if device is None:
            return _problem(404, "device-not-found")
        freed: list[str] = []
        if device.removed_at is None:
            freed = list(device.held)
            facts = [
                fact
                for kept in map(stream.ledger.licenses.__getitem__, freed)
                for fact in (*_noted(kept), *_released(kept, "device-removed", None))
            ]
            removed = ("account", "account", "device-removed", {"device_id": device_id})
            stream.record(key, at, removed, *facts)
        return 200, {"device_id": device_id, "released_licenses": freed}

    def _grant(self, stream: Stream, license_id: str, at: datetime) -> Json:
        kept = stream.ledger.licenses[license_id]
        return {
            "license_id": license_id,
            "customer_id": stream.ledger.customer_id,
            "device_id": kept.device_id,
            "title_id": kept.title_id,
            "plan": stream.ledger.plan,
            "issued_at": kept.issued_at,
            "expires_at": kept.expires_at,
            "playback_window_s": kept.playback_window_s,
            "playback_ends_at": kept.playback_ends_at,
            "renewals_left": renewals_left(kept),
            "warnings": [],
            **self._left(stream, kept.device_id, kept.title_id, at),
        }

    def _refusal(self, stream: Stream, unmet: list[Unmet], at: datetime) -> Reply:
        first = msgspec.to_builtins(unmet[0])
        kind = f"/problems/{unmet[0].reason}"
        decided = {
            "policy_version": self.terms.in_force(at).version,
            "at": at,
            "position": len(stream.events),
        }
        body = {"type": kind, "title": "Refused", "status": 403, **first, "unmet": unmet}
        return 403, body | decided

    def _left(self, stream: Stream, device_id: str, title_id: str, at: datetime) -> Json:
        ledger, terms = stream.ledger, self.terms
        return {
            "downloads_left_this_year": downloads_left(ledger, terms, title_id, at),
            "active_downloads_left_on_device": active_left(ledger, terms, device_id, at, title_id),
            "devices_left": devices_left(ledger, terms, at, title_id),
            "policy_version": terms.in_force(at).version,
        }

    def _allowance(self, stream: Stream, at: datetime, device_id: str, title_id: str) -> Json:
        unmet = unmet_by_request(stream.ledger, self.terms, device_id, title_id, at)
        return {
            "device_id": device_id,
            "title_id": title_id,
            "allowed": not unmet,
            "refusals": unmet,
            "warnings": [],
            **self._left(stream, device_id, title_id, at),
        }

    def _devices(self, stream: Stream, at: datetime) -> Json:
        plan = stream.ledger.plan or ""
        return {
            "plan": plan,
            "devices_max": holding(stream.ledger, self.terms, at).most(
                "device-limit", "devices_max"
            ),
            "devices_in_use": len(stream.ledger.holding(at)),
            "devices": [
                {
                    "device_id": device_id,
                    "registered_at": device.registered_at,
                    "removed_at": device.removed_at,
                    "active_downloads": len(stream.ledger.active_on(device_id, at)),
                    "holds_slot": bool(stream.ledger.active_on(device_id, at)),
                }
                for device_id, device in stream.ledger.devices.items()
            ],
        }


def _license(stream: Stream, license_id: str, at: datetime) -> Json:
    kept = stream.ledger.licenses[license_id]
    ended = kept.ended_at is not None
    ending = "released" if kept.released_at else "revoked"
    playback_left = _left_s(kept.playback_ends_at, at, kept.playback_window_s or None)
    return {
        "license_id": license_id,
        "customer_id": stream.ledger.customer_id,
        "device_id": kept.device_id,
        "title_id": kept.title_id,
        "state": ending if ended else "active" if kept.active(at) else "expired",
        "issued_at": kept.issued_at,
        "expires_at": kept.expires_at,
        "first_played_at": kept.first_played_at,
        "playback_window_s": kept.playback_window_s,
        "playback_ends_at": kept.playback_ends_at,
        "effective_expires_at": kept.ends_at(),
        "license_remaining_s": 0 if ended else _left_s(kept.expires_at, at, None),
        "playback_remaining_s": 0 if ended else playback_left,
        "renewals_used": kept.renewals,
        "renewals_left": renewals_left(kept),
        "released_at": kept.released_at,
        "release_reason": kept.release_reason,
        "revoked_at": kept.revoked_at,
        "revoke_reason": kept.revoke_reason,
        "cut_reason": kept.cut_reason,
        "policy_version": kept.policy_version,
    }


def _account(
    stream: Stream, key: str, at: datetime, news: tuple[str, Json] | None, *more: Fact
) -> Reply:
    """Record what changes the account, if anything does; the account as it stands."""
    if news:
        stream.record(key, at, ("account", "account", *news), *more)
    ledger = stream.ledger
    return 200, {
        "customer_id": ledger.customer_id,
        "plan": ledger.plan,
        "opened_at": ledger.opened_at,
        "country": ledger.country or None,
        "time_zone": ledger.time_zone,
        "standing": ledger.standing,
        "blocked": ledger.blocked or None,
    }


def _downloads_ended(ledger: Ledger, ends: Mapping[str, datetime]) -> Iterator[Fact]:
    """What ended early, device by device."""
    for device_id in ledger.devices:
        here = {
            license_id: end
            for license_id, end in ends.items()
            if ledger.licenses[license_id].device_id == device_id
        }
        if here:
            yield "device", device_id, "downloads-ended", {"ends": here}


def _noted(kept: LicenseKept) -> list[Fact]:
    """That a licence had ended early, if nothing said so before."""
    cut = {"reason": kept.cut_reason, "ends_at": kept.expires_at}
    return [] if kept.cut_noted else [("license", kept.license_id, "license-cut", cut)]


def _play_counted(kept: LicenseKept, session_id: str, played_at: datetime) -> Fact:
    played = {
        "license_id": kept.license_id,
        "session_id": session_id,
        "played_at": played_at,
    }
    return "downloaded-title", kept.title_id, "play-counted", played


def _first_play(kept: LicenseKept, told: datetime, at: datetime) -> Iterator[Fact]:
    played_at = between(told, kept.since, at)
    window_s, before = kept.playback_window_s, kept.ends_at()
    ends = played_at + timedelta(seconds=window_s) if window_s else None
    played = {"played_at": played_at, "reported_at_device": told, "playback_ends_at": ends}
    yield "license", kept.license_id, "first-play-reported", played
    if ends and (before is None or ends < before):
        shortened = {"license_id": kept.license_id, "expires_at": ends}
        yield "device", kept.device_id, "download-shortened", shortened


def _held(license_id: str, title_id: str, expires_at: datetime | None) -> Json:
    return {"license_id": license_id, "title_id": title_id, "expires_at": expires_at}


def _dropped(kept: LicenseKept) -> Fact:
    return "device", kept.device_id, "download-dropped", {"license_id": kept.license_id}


def _released(kept: LicenseKept, reason: str, said: str | None) -> list[Fact]:
    released = {"reason": reason, "released_at_device": said}
    return [("license", kept.license_id, "license-released", released), _dropped(kept)]


def _item_refusal(body: Json, at: datetime, position: int) -> Json:
    """What a single renewal is answered, as an item says it; nothing is decided of what ended."""
    reason = body["type"].removeprefix("/problems/")
    undecided = reason in {"license-released", "license-revoked"}
    return {
        "reason": reason,
        "unmet": body.get("unmet", []),
        "policy_version": body.get("policy_version", ""),
        "at": None if undecided else at,
        "position": 0 if undecided else position,
    }


def _problem(status: int, reason: str) -> Reply:
    return status, {"type": f"/problems/{reason}", "title": reason, "status": status}


def _response(reply: Reply, *, replay: bool = False) -> HttpResponse:
    status, body = reply
    headers = {"content-type": "application/problem+json" if status >= 400 else "application/json"}
    if replay:
        headers["idempotent-replay"] = "true"
    return HttpResponse(status, headers, msgspec.json.encode(body))


def _seconds(span: timedelta | None) -> int:
    return int(span.total_seconds()) if span else 0


def _left_s(ends_at: datetime | None, at: datetime, otherwise: float | None) -> float | None:
    return otherwise if ends_at is None else max(0.0, (ends_at - at).total_seconds())
