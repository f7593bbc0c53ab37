"""The policy that comes with the program."""

from __future__ import annotations

from importlib.resources import files

from download_licensing.catalogue import Catalogue
from download_licensing.policies.document import PolicyDocument
from download_licensing.policies.reading import read_policy

POLICY_FILE = "policy.yaml"


def shipped_policy(catalogue: Catalogue | None = None) -> PolicyDocument:
    """The policy that comes with the program.

    Args:
        catalogue: to hold it against; None: it is known to fit the one shipped.

    Raises:
        PolicyError: it does not fit the catalogue.
    """
    content = files("download_licensing").joinpath(POLICY_FILE).read_bytes()
    return read_policy(content, POLICY_FILE, catalogue)
