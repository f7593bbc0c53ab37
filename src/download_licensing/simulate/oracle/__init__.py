"""An independent judge of the service's history; it shares no code with the rules it judges.

It reads the catalogue by itself, keeps its own model of a customer, and counts every limit anew at
every decision. Imports: the standard library, msgspec and yaml only.
"""

from download_licensing.simulate.oracle.findings import Finding, Kind
from download_licensing.simulate.oracle.journal import TITLES_STREAM, Entry, Mark
from download_licensing.simulate.oracle.records import RecordedEvent
from download_licensing.simulate.oracle.terms import Terms, UnreadableTerms, read_terms
from download_licensing.simulate.oracle.titles import TitleHistory, examine_titles
from download_licensing.simulate.oracle.walk import History, examine
from download_licensing.simulate.oracle.withdrawals import Titles

__all__ = [
    "TITLES_STREAM",
    "Entry",
    "Finding",
    "History",
    "Kind",
    "Mark",
    "RecordedEvent",
    "Terms",
    "TitleHistory",
    "Titles",
    "UnreadableTerms",
    "examine",
    "examine_titles",
    "read_terms",
]
