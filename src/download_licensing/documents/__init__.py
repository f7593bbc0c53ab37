"""Documents that people write for the service: plain YAML, read whole, with places for problems."""

from download_licensing.documents.files import read_bounded
from download_licensing.documents.plain_yaml import Document, Path, dotted, read_document
from download_licensing.documents.problems import (
    PROBLEMS_SHOWN_MAX,
    DocumentError,
    Place,
    Problem,
    Problems,
    near_miss,
    shorten,
)

__all__ = [
    "PROBLEMS_SHOWN_MAX",
    "Document",
    "DocumentError",
    "Path",
    "Place",
    "Problem",
    "Problems",
    "dotted",
    "near_miss",
    "read_bounded",
    "read_document",
    "shorten",
]
