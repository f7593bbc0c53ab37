"""A service in memory that is right by the oracle's own lights: histories to accept, and to spoil.

It takes the calls of the simulation as HTTP, decides by the oracle's count, and records what the
contract says. So whatever the oracle finds in an unspoilt history of it is a mistake of its own, or
of the driver's.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from download_licensing.simulate.oracle import RecordedEvent, Terms
from download_licensing.simulate.oracle.answers import Unmet
from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept
from download_licensing.simulate.oracle.limits import (
    active_left,
    devices_left,
    downloads_left,
    renewals_left,
    unmet_by_renewal,
    unmet_by_request,
)
from download_licensing.simulate.oracle.records import tell
from download_licensing.simulate.oracle.terms import Plan, Title
from download_licensing.simulate.wire import HttpRequest, HttpResponse

RECORDED_AT = datetime(2030, 1, 1, tzinfo=UTC)
Json = dict[str, Any]
Reply = tuple[int, Json]

TERMS = Terms(
    plans={"basic": Plan(1, 3), "standard": Plan(2, 4)},
    titles={
        "short": Title(2, timedelta(hours=48), timedelta(hours=12), 1),
        "month": Title(3, timedelta(days=30), timedelta(hours=48), 2),
        "once": Title(1, timedelta(days=7), None, 0),
        "free": Title(None, timedelta(days=30), None, None),
        "endless": Title(5, None, None, None),
    },
)


class Stream:
    """One customer's events, and the answers by key."""

    def __init__(self, customer_id: str) -> None:
        self.ledger = Ledger(customer_id)
        self.events: list[RecordedEvent] = []
        self.answers: dict[str, tuple[tuple[str, ...], Reply]] = {}

    def record(self, key: str, at: datetime, *facts: tuple[str, str, str, Json]) -> None:
        """Append one commit of (aggregate type, aggregate id, event name, data)."""
        recorded_at = RECORDED_AT + timedelta(seconds=len(self.events))
        commit_id = f"commit-{len(self.events) + 1}"
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
            self.ledger.enter(tell(event))


class PaperService:
    """A transport that answers by itself."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.streams: dict[str, Stream] = {}
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        url = urlsplit(request.path)
        _, _, _, customer_id, *path = url.path.split("/")
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
        reply = self._decide(stream, (request.method, path), key, at, body)
        if len(stream.events) > head:
            stream.answers[key] = (command, reply)
        return _response(reply)

    def _decide(
        self, stream: Stream, request: tuple[str, list[str]], key: str, at: datetime, body: Json
    ) -> Reply:
        method, path = request
        if path != ["account"] and stream.ledger.plan is None:
            return _problem(404, "account-not-found")
        match method, path:
            case "PUT", ["account"]:
                return self._open(stream, key, at, body["plan"])
            case "POST", ["licenses"]:
                return self._request(stream, key, at, body["device_id"], body["title_id"])
            case "POST", ["licenses", license_id, "renewals"]:
                return self._renew(stream, key, at, stream.ledger.licenses[license_id])
            case "POST", ["licenses", license_id, "plays"]:
                return self._play(stream, key, at, license_id, body["played_at"])
            case "POST", ["licenses", license_id, "release"]:
                return self._release(stream, key, at, license_id, body.get("released_at"))
            case "DELETE", ["devices", device_id]:
                return self._remove(stream, key, at, device_id)
            case "GET", ["licenses", license_id]:
                return 200, _license(stream, license_id, at)
            case "GET", ["devices"]:
                return 200, self._devices(stream, at)
            case "GET", ["allowance"]:
                return 200, self._allowance(stream, at, body["device_id"], body["title_id"])
            case _:
                raise AssertionError(f"{method} {path}")

    def _open(self, stream: Stream, key: str, at: datetime, plan: str) -> Reply:
        opened_before = stream.ledger.plan
        if opened_before not in {None, plan}:
            return _problem(409, "account-exists")
        if opened_before is None:
            stream.record(key, at, ("account", "account", "account-opened", {"plan": plan}))
        account = {
            "customer_id": stream.ledger.customer_id,
            "plan": plan,
            "opened_at": stream.ledger.opened_at,
        }
        return (200 if opened_before else 201), account

    def _request(
        self, stream: Stream, key: str, at: datetime, device_id: str, title_id: str
    ) -> Reply:
        if unmet := unmet_by_request(stream.ledger, self.terms, device_id, title_id, at):
            return _refusal(unmet)
        title = self.terms.titles[title_id]
        license_id, expires_at = f"lic-{key}", _after(at, title.duration)
        about = {"license_id": license_id, "device_id": device_id}
        issued = {
            "title_id": title_id,
            "device_id": device_id,
            "plan": stream.ledger.plan,
            "expires_at": expires_at,
            "playback_window_s": _seconds(title.playback_window),
            "renewals_max": title.renewals_max,
        }
        device = stream.ledger.devices.get(device_id)
        new = device is None or device.removed_at is not None
        registered = ("account", "account", "device-registered", {"device_id": device_id})
        stream.record(
            key,
            at,
            *([registered] if new else []),
            ("license", license_id, "license-issued", issued),
            ("downloaded-title", title_id, "download-counted", about),
            ("device", device_id, "download-held", _held(license_id, title_id, expires_at)),
        )
        return 201, self._grant(stream, license_id, at)

    def _renew(self, stream: Stream, key: str, at: datetime, kept: LicenseKept) -> Reply:
        if kept.released_at is not None:
            return _problem(409, "license-released")
        if unmet := unmet_by_renewal(stream.ledger, self.terms, kept, at):
            return _refusal(unmet)
        refresh = not kept.active(at)
        expires_at = _after(at, self.terms.titles[kept.title_id].duration)
        ends = [expires_at, None if refresh else kept.playback_ends_at]
        ends_at = min((end for end in ends if end), default=None)
        about = {"license_id": kept.license_id, "device_id": kept.device_id}
        counted = ("downloaded-title", kept.title_id, "download-counted", about)
        renewed = {"expires_at": expires_at, "refresh": refresh}
        held = _held(kept.license_id, kept.title_id, ends_at)
        stream.record(
            key,
            at,
            ("license", kept.license_id, "license-renewed", renewed),
            *([counted] if refresh else []),
            ("device", kept.device_id, "download-held", held),
        )
        return 200, self._grant(stream, kept.license_id, at)

    def _play(self, stream: Stream, key: str, at: datetime, license_id: str, said: str) -> Reply:
        kept = stream.ledger.licenses[license_id]
        if kept.released_at is None and kept.first_played_at is None:
            played_at = min(max(datetime.fromisoformat(said), kept.since), at)
            window_s, before = kept.playback_window_s, kept.ends_at()
            ends_at = played_at + timedelta(seconds=window_s) if window_s else None
            played = {
                "played_at": played_at,
                "reported_at_device": said,
                "playback_ends_at": ends_at,
            }
            facts = [("license", license_id, "first-play-reported", played)]
            if ends_at and (before is None or ends_at < before):
                shortened = {"license_id": license_id, "expires_at": ends_at}
                facts.append(("device", kept.device_id, "download-shortened", shortened))
            stream.record(key, at, *facts)
        return 200, _license(stream, license_id, at)

    def _release(
        self, stream: Stream, key: str, at: datetime, license_id: str, said: str | None
    ) -> Reply:
        kept = stream.ledger.licenses[license_id]
        if kept.released_at is None:
            stream.record(key, at, *_released(kept, "deleted", said))
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
                for license_id in freed
                for fact in _released(stream.ledger.licenses[license_id], "device-removed", None)
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
            "plan": kept.plan,
            "issued_at": kept.issued_at,
            "expires_at": kept.expires_at,
            "playback_window_s": kept.playback_window_s,
            "playback_ends_at": kept.playback_ends_at,
            "renewals_left": renewals_left(kept),
            "warnings": [],
            **self._left(stream, kept.device_id, kept.title_id, at),
        }

    def _left(self, stream: Stream, device_id: str, title_id: str, at: datetime) -> Json:
        ledger, terms = stream.ledger, self.terms
        return {
            "downloads_left_this_year": downloads_left(ledger, terms, title_id, at),
            "active_downloads_left_on_device": active_left(ledger, terms, device_id, at),
            "devices_left": devices_left(ledger, terms, at),
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
            "devices_max": self.terms.plans[plan].devices_max,
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
    released = kept.released_at is not None
    playback_left = _left_s(kept.playback_ends_at, at, kept.playback_window_s or None)
    return {
        "license_id": license_id,
        "customer_id": stream.ledger.customer_id,
        "device_id": kept.device_id,
        "title_id": kept.title_id,
        "state": "released" if released else "active" if kept.active(at) else "expired",
        "issued_at": kept.issued_at,
        "expires_at": kept.expires_at,
        "first_played_at": kept.first_played_at,
        "playback_window_s": kept.playback_window_s,
        "playback_ends_at": kept.playback_ends_at,
        "effective_expires_at": kept.ends_at(),
        "license_remaining_s": 0 if released else _left_s(kept.expires_at, at, None),
        "playback_remaining_s": 0 if released else playback_left,
        "renewals_used": kept.renewals,
        "renewals_left": renewals_left(kept),
        "released_at": kept.released_at,
        "release_reason": kept.release_reason,
    }


def _held(license_id: str, title_id: str, expires_at: datetime | None) -> Json:
    return {"license_id": license_id, "title_id": title_id, "expires_at": expires_at}


def _released(kept: LicenseKept, reason: str, said: str | None) -> list[tuple[str, str, str, Json]]:
    released = {"reason": reason, "released_at_device": said}
    return [
        ("license", kept.license_id, "license-released", released),
        ("device", kept.device_id, "download-dropped", {"license_id": kept.license_id}),
    ]


def _refusal(unmet: list[Unmet]) -> Reply:
    first = msgspec.to_builtins(unmet[0])
    kind = f"/problems/{unmet[0].reason}"
    return 403, {"type": kind, "title": "Refused", "status": 403, **first, "unmet": unmet}


def _problem(status: int, reason: str) -> Reply:
    return status, {"type": f"/problems/{reason}", "title": reason, "status": status}


def _response(reply: Reply, *, replay: bool = False) -> HttpResponse:
    status, body = reply
    headers = {"content-type": "application/problem+json" if status >= 400 else "application/json"}
    if replay:
        headers["idempotent-replay"] = "true"
    return HttpResponse(status, headers, msgspec.json.encode(body))


def _after(at: datetime, span: timedelta | None) -> datetime | None:
    return at + span if span else None


def _seconds(span: timedelta | None) -> int:
    return int(span.total_seconds()) if span else 0


def _left_s(ends_at: datetime | None, at: datetime, otherwise: float | None) -> float | None:
    return otherwise if ends_at is None else max(0.0, (ends_at - at).total_seconds())
