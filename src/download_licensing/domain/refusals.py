"""Why a command is not carried out. Nothing was written when one of these is raised.

CommandRefused (helenus)
└── Refusal
    ├── DownloadRefused         rules are not met; `unmet` lists all of them
    ├── NotFound                what the command addresses does not exist
    │   ├── AccountNotFound
    │   ├── LicenseNotFound
    │   ├── DeviceNotFound
    │   └── TitleNotFound
    ├── UnknownPlan             the plan named in the command is not in the catalogue
    ├── TitleWithdrawn          an operator withdrew the title from all customers
    ├── UnknownTitle            the title named in the command is not in the catalogue
    ├── UnknownTimeZone         the time zone named in the command is none
    ├── AccountExists           the account is open with another plan, or for another region
    ├── LicenseReleased         a released licence cannot be renewed
    ├── LicenseRevoked          a revoked licence cannot be renewed
    ├── LicenseElsewhere        the licence is not on the device that speaks of it
    └── KeyReused               the idempotency key made a licence for another request before
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from download_licensing.domain.unmet import Unmet
from helenus.errors import CommandRefused


class Refusal(CommandRefused):
    """Base of all refusals of the domain.

    Attributes:
        reason: what is the matter, for programs.
        detail: what is the matter, as a sentence.
        remedy: what the caller can do next, as a sentence.
    """

    reason: ClassVar[str] = ""

    def __init__(self, detail: str, *, remedy: str | None = None) -> None:
        super().__init__(detail, remedy=remedy)
        self.detail = detail


class DownloadRefused(Refusal):
    """A request or a renewal does not meet every rule.

    Attributes:
        unmet: every rule that is not met, in the order of the rules; at least one.
        policy_version: of the policy that it was decided by.
        at: the time it was decided as of; None: not known.
        position: of the customer's last event that it was decided on; 0: not known.
    """

    def __init__(
        self,
        unmet: Sequence[Unmet],
        *,
        policy_version: str = "",
        at: datetime | None = None,
        position: int = 0,
    ) -> None:
        super().__init__(unmet[0].detail, remedy=unmet[0].remedy)
        self.unmet = tuple(unmet)
        self.policy_version = policy_version
        self.at = at
        self.position = position


class NotFound(Refusal):
    """What the command or query addresses does not exist."""


class AccountNotFound(NotFound):
    """The customer has no account."""

    reason = "account-not-found"
    remedy = "Open the account first."

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"Customer {customer_id!r} has no account.")


class LicenseNotFound(NotFound):
    """The customer has no such licence."""

    reason = "license-not-found"
    remedy = "Use the license_id of a grant of this customer."

    def __init__(self, license_id: str) -> None:
        super().__init__(f"The customer has no licence {license_id!r}.")


class DeviceNotFound(NotFound):
    """The customer never had a download on such a device."""

    reason = "device-not-found"
    remedy = "List the devices of the customer for those that are known."

    def __init__(self, device_id: str) -> None:
        super().__init__(f"The customer has no device {device_id!r}.")


class TitleNotFound(NotFound):
    """The title asked about, or the title of a licence, is not in the catalogue."""

    reason = "title-not-found"
    remedy = "Use a title of the catalogue."

    def __init__(self, title_id: str) -> None:
        super().__init__(f"Title {title_id!r} is not in the catalogue.")


class TitleWithdrawn(Refusal):
    """An operator withdrew the title from all customers.

    Attributes:
        unmet: no rule; none was asked.
        policy_version: of no policy.
        at: the time it was decided as of; None: it was only asked about.
        position: of the customer's last event that it was decided on; 0: not known.
    """

    reason = "title-withdrawn"
    remedy = "Choose another title."
    unmet: ClassVar[tuple[Unmet, ...]] = ()
    policy_version: ClassVar[str] = ""

    def __init__(self, title_id: str, *, at: datetime | None = None, position: int = 0) -> None:
        super().__init__(f"Title {title_id!r} was withdrawn; downloads of it have ended.")
        self.at = at
        self.position = position


class UnknownTitle(Refusal):
    """The title named in a request is not in the catalogue."""

    reason = "title-unknown"
    remedy = "Use a title of the catalogue."

    def __init__(self, title_id: str) -> None:
        super().__init__(f"Title {title_id!r} is not in the catalogue.")


class UnknownPlan(Refusal):
    """The plan named in a request, or the plan of the account, is not in the catalogue."""

    reason = "plan-unknown"

    def __init__(self, plan: str, known: Sequence[str]) -> None:
        super().__init__(
            f"Plan {plan!r} is not in the catalogue.",
            remedy=f"Use one of: {', '.join(sorted(known)[:20])}.",
        )


class UnknownTimeZone(Refusal):
    """The time zone named in a command is none."""

    reason = "time-zone-unknown"
    remedy = "Use an IANA name such as Europe/Lisbon."

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no time zone {name!r}.")


class AccountExists(Refusal):
    """The account is open with another plan, or for another region than the command names.

    Attributes:
        plan: the plan it is open with.
    """

    reason = "account-exists"
    remedy = "Keep the plan and region it has, or change them by the operations for that."

    def __init__(
        self, customer_id: str, plan: str, country: str = "", time_zone: str = "UTC"
    ) -> None:
        region = f"country {country}, time zone {time_zone}" if country else f"zone {time_zone}"
        super().__init__(
            f"The account of customer {customer_id!r} is open with plan {plan!r} ({region})."
        )
        self.plan = plan


class LicenseReleased(Refusal):
    """The licence was released, so it cannot be renewed."""

    reason = "license-released"
    remedy = "Request a new download of the title."

    def __init__(self, license_id: str) -> None:
        super().__init__(f"Licence {license_id!r} was released.")


class LicenseRevoked(Refusal):
    """An operator revoked the licence, so it cannot be renewed."""

    reason = "license-revoked"
    remedy = "Delete the download; support knows why it was revoked."

    def __init__(self, license_id: str) -> None:
        super().__init__(f"Licence {license_id!r} was revoked.")


class LicenseElsewhere(Refusal):
    """A device speaks of a licence that the customer has on another device."""

    reason = "license-elsewhere"
    remedy = "Let each device bring what happened to its own downloads."

    def __init__(self, license_id: str, device_id: str) -> None:
        super().__init__(f"Licence {license_id!r} is not on device {device_id!r}.")


class KeyReused(Refusal):
    """The idempotency key made a licence for another device or title before."""

    reason = "idempotency-key-reused"
    remedy = "Send a new request under a new key; repeat a key only for the very same request."

    def __init__(self) -> None:
        super().__init__("The idempotency key was used for another request.")
