"""One member: downloads, plays, renews, deletes, and reacts to what the service answers.

A member knows no rule. It knows what a client of the service is told: what is left, why something
was refused and when that resets. So it comes back at exactly that moment, and races for the last
slot.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from datetime import datetime, timedelta

from download_licensing.simulate.agenda import Agenda, Intent
from download_licensing.simulate.calls import Answer, Call, Life, Step
from download_licensing.simulate.fortunes import Fortunes
from download_licensing.simulate.household import (
    Device,
    Download,
    Habits,
    Popularity,
    draw_device,
)
from download_licensing.simulate.oracle.answers import Grant, Refusal, Renewed
from download_licensing.simulate.oracle.journal import Item
from download_licensing.simulate.oracle.terms import Clause, Terms
from download_licensing.simulate.reports import Reporting
from download_licensing.simulate.speech import Speech

_SECOND = timedelta(seconds=1)
_RACE_ODDS = 0.5
_PLAY_ODDS = 0.8
_DELETE_ODDS = 0.6
_QUESTION_ODDS = 0.08
_RENEW_ALL_ODDS = 0.4
_WHOLE_HOUSEHOLD_ODDS = 0.3
_RENEWED_AT_ONCE_MAX = 40

Told = Generator[Step, list[Answer], Answer]


class Member:
    """One member of the population.

    Args:
        customer_id: its id.
        rng: all its chances; two members of the same seed who hear the same do the same.
        habits: how it uses the service.
        terms: what there is to download.
        popularity: what it is inclined to download.
        begins_at: when it opens its account.
        ends_at: when the simulation ends.
    """

    def __init__(
        self,
        customer_id: str,
        *,
        rng: random.Random,
        habits: Habits,
        terms: Terms,
        popularity: Popularity,
        begins_at: datetime,
        ends_at: datetime,
    ) -> None:
        self._rng = rng
        self._habits = habits
        self._terms = terms
        self._popularity = popularity
        self._begins_at = begins_at
        self._ends_at = ends_at
        self._agenda = Agenda(ends_at)
        self._speech = Speech(customer_id, rng, self._agenda, habits.requests_max)
        self._devices = [draw_device(rng, number + 1) for number in range(habits.devices)]
        self._downloads: dict[str, Download] = {}

        def holds(title_id: str) -> Mapping[str, Clause]:
            return terms.holding(begins_at, habits.plan, habits.country, title_id).clauses

        self._uncapped = [
            title_id
            for title_id in sorted(terms.titles)
            if "title-downloads-per-year" not in holds(title_id)
        ] or sorted(terms.titles)
        self._reporting = Reporting(rng, self._agenda, self._speech)
        self._fortunes = Fortunes(
            rng, self._agenda, self._speech, plans=terms.plans, downloads=self._downloads
        )

    def live(self) -> Life:
        """Everything the member does, from opening the account to the end."""
        opened = yield from self._open(self._begins_at)
        if opened.status != 201:
            return
        self._agenda.add(self._begins_at, self._evening)
        self._fortunes.draw(self._habits.troubles, self._begins_at, self._ends_at)
        if self._habits.hoard:
            self._agenda.add(self._begins_at + timedelta(days=1), self._piling_up(1))
        now = self._begins_at
        while not self._speech.exhausted and (due := self._agenda.next()):
            now, intent = max(now, due[0]), due[1]
            yield from intent(now)

    def _open(self, at: datetime) -> Told:
        region = {"country": self._habits.country, "time_zone": self._habits.time_zone}
        answer = yield from self._speech.say(
            self._speech.call(at, kind="open", plan=self._habits.plan, **region)
        )
        if self._rng.random() < 0.05:
            other = self._rng.choice(sorted(self._terms.plans))
            yield from self._speech.say(self._speech.call(at, kind="open", plan=other, **region))
        return answer

    def _evening(self, at: datetime) -> Life:
        """Someone sits down and downloads a few things; then some devices leave the house."""
        minutes = 0
        for _ in range(self._rng.randint(1, self._habits.evening_downloads_max)):
            minutes += self._rng.randint(1, 20)
            self._agenda.add(at + timedelta(minutes=minutes), self._download)
        for device in self._devices:
            if device.online and self._rng.random() < self._habits.offline_odds:
                leaves_at = at + timedelta(minutes=minutes + 30)
                self._agenda.add(leaves_at, self._leaving(device))
        gap_s = self._habits.evening_gap.total_seconds()
        self._agenda.add(
            at + timedelta(seconds=round(self._rng.expovariate(1 / gap_s))), self._evening
        )
        yield from ()

    def _leaving(self, device: Device) -> Intent:
        def intent(at: datetime) -> Life:
            device.online = False
            hours = self._rng.uniform(3, 24 * self._habits.offline_days_max)
            back_at = at + timedelta(seconds=round(hours * 3600))
            self._agenda.add(back_at, self._reporting.coming_back(device))
            if self._rng.random() < _RENEW_ALL_ODDS:
                self._agenda.add(back_at + _SECOND, self._renewing_all(device))
            yield from ()

        return intent

    def _download(self, at: datetime) -> Life:
        online = [device for device in self._devices if device.online]
        if online:
            device = self._rng.choice(online)
            yield from self._request(at, device, self._title())

    def _title(self) -> str:
        if self._rng.random() < self._habits.favourite_odds:
            return self._rng.choice(self._habits.favourites)
        return self._popularity.pick(self._rng)

    def _request(self, at: datetime, device: Device, title_id: str, patience: int = 1) -> Life:
        """Ask for a download.

        Args:
            at: when.
            device: for which.
            title_id: of what.
            patience: how often to make room and ask again if it is refused.
        """
        answer = yield from self._speech.say(self._wish(at, device, title_id))
        if isinstance(answer.body, Grant):
            yield from self._granted(at, device, answer.body)
        elif isinstance(answer.body, Refusal) and patience:
            yield from self._refused(at, device, title_id, answer.body)

    def _wish(self, at: datetime, device: Device, title_id: str) -> Call:
        return self._speech.call(at, kind="request", device_id=device.device_id, title_id=title_id)

    def _granted(self, at: datetime, device: Device, grant: Grant) -> Life:
        self._keep(at, device, grant)
        last_of_title = grant.downloads_left_this_year == 1
        last_on_device = grant.active_downloads_left_on_device == 1
        if (last_of_title or last_on_device) and self._rng.random() < _RACE_ODDS:
            self._agenda.add(at + _SECOND, self._racing(self._devices, grant.title_id))
        elif grant.devices_left == 1 and self._rng.random() < _RACE_ODDS:
            others = [other for other in self._devices if other is not device]
            self._agenda.add(at + _SECOND, self._racing(others, None))
        if self._rng.random() < _QUESTION_ODDS:
            yield from self._ask(at, grant)

    def _keep(self, at: datetime, device: Device, grant: Grant) -> None:
        """Remember a download, and mean to play, renew and delete it."""
        download = Download(grant.license_id, grant.title_id, device, grant.expires_at)
        if grant.license_id in self._downloads:
            return
        self._downloads[grant.license_id] = download
        lasts_s = min(
            (grant.expires_at - at).total_seconds() if grant.expires_at else 5e6, 5_000_000
        )
        if self._rng.random() < _PLAY_ODDS:
            plays_at = at + timedelta(seconds=round(self._rng.uniform(0, 0.9 * lasts_s)))
            self._agenda.add(plays_at, self._reporting.playing(download))
        if self._rng.random() < self._habits.renew_odds:
            self._agenda.add(self._renewal_time(at, download), self._renewing(download))
        if self._rng.random() < _DELETE_ODDS:
            deletes_at = at + timedelta(seconds=round(self._rng.uniform(0.2, 1.5) * lasts_s))
            self._agenda.add(deletes_at, self._reporting.deleting(download))

    def _renewal_time(self, at: datetime, download: Download) -> datetime:
        """Shortly before the end, at the very end, or too late."""
        if download.expires_at is None:
            return at + timedelta(days=self._rng.randint(1, 60))
        shift_s = self._rng.choice((-1, 0, 1)) * self._rng.choice((0, 1, 7200, 200_000))
        return max(at, download.expires_at + timedelta(seconds=shift_s))

    def _renewing(self, download: Download) -> Intent:
        def intent(at: datetime) -> Life:
            if not download.device.online:
                self._agenda.add(at + timedelta(days=1), intent)
                return
            call = self._speech.call(
                at,
                kind="renew",
                license_id=download.license_id,
                device_id=download.device.device_id,
                title_id=download.title_id,
            )
            answer = yield from self._speech.say(call)
            if isinstance(answer.body, Grant):
                download.expires_at = answer.body.expires_at
                if self._rng.random() < self._habits.renew_odds:
                    self._agenda.add(self._renewal_time(at + _SECOND, download), intent)
            elif isinstance(answer.body, Refusal):
                self._come_back(answer.body, intent)

        return intent

    def _renewing_all(self, device: Device) -> Intent:
        """Renew in one request what a device has, or now and then what all of them have."""

        def intent(at: datetime) -> Life:
            everything = self._rng.random() < _WHOLE_HOUSEHOLD_ODDS
            held = [d for d in self._downloads.values() if everything or d.device is device]
            chosen = self._rng.sample(held, min(len(held), _RENEWED_AT_ONCE_MAX))
            if not chosen or not device.online:
                return
            items = tuple([Item(kind="renew", item_id="", license_id=d.license_id) for d in chosen])
            answer = yield from self._speech.say(
                self._speech.call(at, kind="renewals", items=items)
            )
            if isinstance(answer.body, Renewed):
                for item in answer.body.items:
                    if item.grant is not None:
                        self._downloads[item.license_id].expires_at = item.grant.expires_at

        return intent

    def _refused(self, at: datetime, device: Device, title_id: str, refusal: Refusal) -> Life:
        """Make room, come back when it resets, or let it be."""

        def again(at: datetime) -> Life:
            yield from self._request(at, device, title_id, patience=0)

        reaction = self._rng.random()
        if reaction < 0.4 and refusal.reason == "device-limit":
            yield from self._remove_another(at, device)
            yield from again(at)
        elif reaction < 0.4 and refusal.reason == "active-downloads-per-device":
            yield from self._delete_one(at, device)
            yield from again(at)
        elif reaction < 0.7:
            self._come_back(refusal, again)

    def _come_back(self, refusal: Refusal, intent: Intent) -> None:
        """Try once more at the very moment it is said to reset, perhaps a second too early too."""
        if refusal.resets_at is not None:
            if self._rng.random() < 0.3:
                self._agenda.add(refusal.resets_at - _SECOND, intent)
            self._agenda.add(refusal.resets_at, intent)

    def _remove_another(self, at: datetime, device: Device) -> Life:
        """Remove a device from the account page: lost, sold, or just in the way."""
        others = [d.device for d in self._downloads.values() if d.device is not device]
        if not others:
            return
        removed = self._rng.choice(others)
        yield from self._speech.say(
            self._speech.call(at, kind="remove", device_id=removed.device_id)
        )
        if self._rng.random() < 0.3:  # a new one is bought
            place = self._devices.index(removed) if removed in self._devices else 0
            self._devices[place] = draw_device(self._rng, len(self._downloads) + 100)

    def _delete_one(self, at: datetime, device: Device) -> Life:
        held = [d for d in self._downloads.values() if d.device is device]
        if held:
            yield from self._reporting.deleting(self._rng.choice(held))(at)

    def _racing(self, devices: list[Device], title_id: str | None) -> Intent:
        """Several of the household ask at the same instant."""

        def intent(at: datetime) -> Life:
            racers = (
                [self._rng.choice(devices) for _ in range(self._rng.randint(2, 4))]
                if devices
                else []
            )
            if not racers:
                return
            calls = [self._wish(at, racer, title_id or self._title()) for racer in racers]
            answers = yield from self._speech.say_at_once(calls)
            for racer, answer in zip(racers, answers, strict=True):
                if isinstance(answer.body, Grant):
                    self._keep(at, racer, answer.body)

        return intent

    def _piling_up(self, number: int) -> Intent:
        """Fill one device with what may be downloaded without a cap, a download a second."""

        def intent(at: datetime) -> Life:
            title_id = self._uncapped[number % len(self._uncapped)]
            yield from self._request(at, self._devices[0], title_id)
            if number < self._habits.hoard:
                self._agenda.add(at + _SECOND, self._piling_up(number + 1))

        return intent

    def _ask(self, at: datetime, grant: Grant) -> Life:
        """Look at what is left."""
        about = {"device_id": grant.device_id, "title_id": grant.title_id}
        yield from self._speech.say_at_once(
            [
                self._speech.call(at, kind="license", license_id=grant.license_id),
                self._speech.call(at, kind="devices"),
                self._speech.call(at, kind="allowance", **about),
            ]
        )
