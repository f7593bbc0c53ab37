import msgspec
import pytest

from download_licensing.domain.ids import Id, LicenseId, license_id_of


@pytest.mark.parametrize("text", ["a", "A-1._~", "...", ".a", "x" * 100])
def test_an_id_of_unreserved_characters_is_accepted(text: str) -> None:
    assert msgspec.convert(text, Id) == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a/b", "../a", "a b", "a\n", "\na", "a\x00", "é", "a%2f", "x" * 101, "..\n"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Id)


def test_a_licence_id_depends_on_customer_and_key_alone() -> None:
    first = license_id_of("ada", "k1")

    assert first == license_id_of("ada", "k1")
    assert len({first, license_id_of("ada", "k2"), license_id_of("bob", "k1")}) == 3
    assert msgspec.convert(first, LicenseId) == first


def test_customer_and_key_are_not_run_together() -> None:
    assert license_id_of("ada", "b/c") != license_id_of("adab", "/c")


@pytest.mark.parametrize("text", ["lic-", "lic-" + "g" * 32, "lic-" + "0" * 33, "0" * 32])
def test_what_is_no_licence_id_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, LicenseId)
