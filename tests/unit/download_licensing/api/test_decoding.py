"""Bodies: what is wrong with one is said field by field."""

from datetime import UTC, datetime

import msgspec
import pytest

from download_licensing.api.bodies import (
    AccountBody,
    BlockBody,
    Body,
    DownloadBody,
    PlanBody,
    PlayBody,
    RegionBody,
    ReleaseBody,
    RenewalBody,
    RenewalsBody,
    RevocationBody,
    SessionBody,
    StandingBody,
    SyncBody,
    WithdrawalBody,
)
from download_licensing.api.decoding import JsonBody, explain, require_json
from download_licensing.api.problems import InvalidRequest, ProblemError
from download_licensing.api.wording import readable

LICENSE = b"lic-" + 32 * b"0"
SESSION = ("session_id", "must be 1 to 100 characters")
BODIES: list[type[Body]] = [
    *(AccountBody, RegionBody, StandingBody, BlockBody),
    *(DownloadBody, RenewalBody, PlayBody, ReleaseBody),
    *(SessionBody, RevocationBody, SyncBody, RenewalsBody),
    *(PlanBody, WithdrawalBody),
]


def explained(value: bytes, body_type: type[Body]) -> ProblemError:
    with pytest.raises(ProblemError) as error:
        explain(value, body_type, ValueError("refused"))
    return error.value


@pytest.mark.parametrize("body_type", BODIES)
def test_no_body_takes_fields_it_does_not_know(body_type: type[Body]) -> None:
    with pytest.raises(msgspec.ValidationError):
        JsonBody.of(body_type).decoder.decode(b'{"unknown": 1}')


def test_every_wrong_field_is_listed_once() -> None:
    problem = explained(b'{"title_id": 7, "x": 1}', DownloadBody).problem
    assert isinstance(problem, InvalidRequest)
    assert [error.field for error in problem.errors] == ["x", "device_id", "title_id"]


@pytest.mark.parametrize(
    ("body_type", "value", "field", "message"),
    [
        (RegionBody, b'{"country": "pt", "time_zone": "UTC"}', "country", "two capital letters"),
        (RegionBody, b'{"country": "PT\\n", "time_zone": "UTC"}', "country", "two capital"),
        (RegionBody, b'{"country": "PT", "time_zone": "../UTC"}', "time_zone", "an IANA"),
        (RegionBody, b'{"country": "PT", "time_zone": "/etc/passwd"}', "time_zone", "an IANA"),
        (RegionBody, b'{"country": "PT", "time_zone": ""}', "time_zone", "an IANA"),
        (RegionBody, b'{"country": "PT", "time_zone": "%s"}' % (b"a" * 65), "time_zone", "IANA"),
        (SessionBody, b'{"events": []}', "events", "`array` of length >= 1"),
        (SessionBody, b'{"events": "x"}', "events", "Expected `array`"),
        (SessionBody, b'{"events": [{"kind": "start"}]}', "events[0]", "missing required"),
        (
            SessionBody,
            b'{"events": [{"kind": "jump", "at": "2026-01-01T00:00:00Z"}]}',
            *("events[0].kind", "Invalid enum value 'jump'"),
        ),
        (
            SessionBody,
            b'{"events": [{"kind": "stop", "at": "2026-01-01T00:00:00"}]}',
            *("events[0].at", "needs a time zone"),
        ),
        (
            SessionBody,
            b'{"events": [{"kind": "stop", "at": "2026-01-01T00:00:00Z", "by": 1}]}',
            *("events[0]", "unknown field `by`"),
        ),
        (
            SessionBody,
            b'{"events": [%s]}'
            % b", ".join([b'{"kind": "stop", "at": "2026-01-01T00:00:00Z"}'] * 201),
            *("events", "`array` of length <= 200"),
        ),
        (PlayBody, b'{"played_at": "2026-01-01T00:00:00Z", "session_id": "../x"}', *SESSION),
        (SyncBody, b'{"device_id": "d", "releases": {}}', "releases", "Expected `array`"),
        (
            SyncBody,
            b'{"device_id": "d", "renewals": [{"item_id": "..", "license_id": "%s"}]}' % LICENSE,
            *("renewals[0].item_id", "must be 1 to 100 characters"),
        ),
        (
            SyncBody,
            b'{"device_id": "d", "plays": [{"item_id": "a", "license_id": "customer/7"}]}',
            *("plays[0].license_id", "must be lic- and 32"),
        ),
        (
            SyncBody,
            b'{"device_id": "d", "plays": [{"item_id": "a", "license_id": "%s"}]}' % LICENSE,
            *("plays[0]", "missing required field `played_at`"),
        ),
        (RenewalsBody, b'{"license_ids": []}', "license_ids", "`array` of length >= 1"),
        (RenewalsBody, b'{"license_ids": ["x"]}', "license_ids[0]", "must be lic- and 32"),
        (
            RenewalsBody,
            b'{"license_ids": [%s]}' % b", ".join([b'"%s"' % LICENSE] * 151),
            *("license_ids", "`array` of length <= 150"),
        ),
        (RevocationBody, b'{"reason": 7}', "reason", "Expected `str`"),
        (StandingBody, b'{"standing": "bad"}', "standing", "Invalid enum value 'bad'"),
        (StandingBody, b'{"standing": null}', "standing", "Expected `str`"),
        (BlockBody, b'{"reason": ""}', "reason", "must not be blank"),
        (BlockBody, b'{"reason": "  "}', "reason", "must not be blank"),
        (BlockBody, b'{"reason": "%s"}' % (b"a" * 501), "reason", "at most 500 characters"),
    ],
)
def test_a_value_out_of_its_form_is_explained(
    body_type: type[Body], value: bytes, field: str, message: str
) -> None:
    with pytest.raises(msgspec.ValidationError):
        JsonBody.of(body_type).decoder.decode(value)
    problem = explained(value, body_type).problem
    assert isinstance(problem, InvalidRequest)
    ((named, told),) = [(error.field, error.message) for error in problem.errors]
    assert named == field
    assert message in told


def test_a_body_whose_fields_are_each_right_still_gets_a_message() -> None:
    problem = explained(b"{}", RenewalBody).problem
    assert isinstance(problem, InvalidRequest)
    assert [(error.field, error.message) for error in problem.errors] == [("body", "refused")]


def test_a_long_name_of_an_unknown_field_is_cut() -> None:
    problem = explained(b'{"%s": 1}' % (b"x" * 1_000), RenewalBody).problem
    assert isinstance(problem, InvalidRequest)
    assert len(problem.errors[0].field) == 100


def test_a_time_may_come_in_any_zone() -> None:
    body = JsonBody.of(PlayBody).decoder.decode(b'{"played_at": "2026-01-01T02:00:00+02:00"}')
    assert body.played_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_type_is_taken_without_regard_to_case_and_parameters() -> None:
    require_json([(b"content-type", b"Application/JSON ; charset=utf-8")])
    require_json([(b"accept", b"text/html")])
    with pytest.raises(ProblemError) as error:
        require_json([(b"content-type", b"\xfftext/plain")])
    assert error.value.problem.status == 415


def test_a_message_without_a_better_one_is_kept() -> None:
    assert readable("Expected `str`, got `int`") == "Expected `str`, got `int`"
