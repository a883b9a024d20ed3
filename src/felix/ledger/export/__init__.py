"""A run to take away: a document to read, its events, its provenance as a graph, a page that plays it again.

All of it is made from a run's records or the state folded from them. Nothing here asks a server or knows a secret, and
what the models thought before they answered is left out unless asked for.
"""

from felix.ledger.export.document import markdown
from felix.ledger.export.event_file import as_json, records_of
from felix.ledger.export.files import FORMATS, Format, rendered
from felix.ledger.export.graph import mermaid
from felix.ledger.export.page import html
from felix.ledger.words import file_stem

__all__ = [
    "FORMATS",
    "Format",
    "as_json",
    "file_stem",
    "html",
    "markdown",
    "mermaid",
    "records_of",
    "rendered",
]
