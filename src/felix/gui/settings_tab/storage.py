"""Storage: where runs are kept and for how long, how much room they take, and how to take all of them away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from felix.errors import SettingsError
from felix.gui.composer.attachment import size_in_words
from felix.gui.folders import show_folder
from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Choice, ChoiceMenu, Field
from felix.gui.settings_tab.rows import Section
from felix.places import ledger_file
from felix.settings import Settings

KEYS = ("ledger_path", "keep_days")

_KEEP_DAYS = (30, 90, 180, 365, 730)
_LEDGER_HINT = "Every run is kept in this file"
_KEEP_HINT = "Older runs are removed at the next start; pinned ones stay"


@dataclass(frozen=True, slots=True)
class StorageActs:
    """Callables, all called on Tk's thread. Each returns at once."""

    on_ask: Callable[[], object]
    """Look at the ledger: `storage_report` hears of it."""
    on_compact: Callable[[], object]
    """Give room back: `storage_report` hears of it, or `storage_said` of what went wrong."""
    on_export: Callable[[str], object]
    """Ask where, and write all runs there, as `md` or `json`: `storage_said` hears how it went."""
    ask_file: Callable[[], Path | None]
    """Ask the user for a file to keep runs in; None when they thought better of it."""


@dataclass(frozen=True, slots=True)
class StorageReport:
    """The ledger that is in use."""

    path: Path | None
    """None while runs are in memory only."""
    size_bytes: int
    runs: int


class StorageRows:
    """The rows of the section. `change` puts values in force."""

    def __init__(
        self,
        section: Section,
        kit: Kit,
        acts: StorageActs,
        read: Callable[[], Settings],
        change: Callable[..., None],
    ) -> None:
        self._acts, self._read, self._change = acts, read, change
        self._report: StorageReport | None = None
        self._file_row = section.row("Ledger", _LEDGER_HINT, lines=2)
        control = self._file_row.control
        self.file = Field(
            self._file_row, kit, read=self._path_text, commit=self._set_path, width=28, settles=False, justify="left"
        )
        self.file.entry.pack(side="left")
        self.file.entry.bind("<Configure>", lambda _event: self.file.entry.xview_moveto(1), add="+")
        self.choose = kit.button(
            control, icon="three-dots", on="card", padding=(6, 6), tooltip="Choose a file", command=self._choose
        )
        self.choose.pack(side="left", padx=(kit.px(4), 0))
        kit.button(
            control, icon="folder2-open", on="card", padding=(6, 6), tooltip="Show folder",
            command=lambda: self._file_row.set_fault(show_folder(self._in_use.parent)),
        ).pack(side="left")  # fmt: skip

        self._size_row = section.row("Room", "…")
        self.compact = kit.button(
            self._size_row.control, "Compact", kind="outline", on="card", padding=(10, 5), command=self._compact,
            tooltip="Give the room of removed runs back to the disk",
        )  # fmt: skip
        self.compact.pack()

        row = section.row("Keep runs", _KEEP_HINT)
        self.keep = ChoiceMenu(
            row.control, kit, on_choose=lambda days: change(keep_days=int(days)), tooltip="How long runs are kept"
        )
        self.keep.button.pack()

        self._export_row = section.row("Export all runs", "Texts to read in a folder, or every event in one file")
        self.exports = {
            form: kit.button(
                self._export_row.control, words, kind="outline", on="card", padding=(10, 5), tooltip=tip,
                command=lambda form=form: acts.on_export(form),  # type: ignore[misc]
            )
            for form, words, tip in (
                ("md", "Markdown…", "A document for each run"),
                ("json", "JSON…", "One file with the events of all runs"),
            )
        }  # fmt: skip
        for button in self.exports.values():
            button.pack(side="left", padx=(kit.px(6), 0))
        self.fields = (self.file,)

    def refresh(self) -> None:
        """Show what is in force."""
        settings = self._read()
        self.file.refresh()
        self._say_path()
        days = sorted({*_KEEP_DAYS, settings.keep_days} - {0})
        choices = [Choice("0", "For ever"), *(Choice(str(each), _span(each)) for each in days)]
        self.keep.show(choices, str(settings.keep_days))

    def look(self) -> None:
        """Ask how much room there is taken now."""
        self._acts.on_ask()

    def report(self, report: StorageReport) -> None:
        """What was found."""
        self._report = report
        runs = f"{report.runs:,} run{'' if report.runs == 1 else 's'}"
        kept = size_in_words(report.size_bytes) if report.path else "in memory, until Felix is closed"
        self._size_row.set_fault("")
        self._size_row.set_hint(f"{runs}, {kept}")
        self.compact.state(["!disabled" if report.path else "disabled"])
        self._say_path()

    def say_room(self, sentence: str) -> None:
        """What went wrong with it."""
        self._size_row.set_fault(sentence)

    def say_export(self, sentence: str, *, is_fault: bool) -> None:
        """How the export went."""
        if is_fault:
            self._export_row.set_fault(sentence)
        else:
            self._export_row.set_fault("")
            self._export_row.set_hint(sentence)

    @property
    def _in_use(self) -> Path:
        return (self._report.path if self._report else None) or ledger_file(self._read().ledger_path)

    def _say_path(self) -> None:
        chosen = ledger_file(self._read().ledger_path)
        is_later = self._report is not None and self._report.path is not None and self._report.path != chosen
        hint = f"From the next start on; until then {self._in_use}" if is_later else _LEDGER_HINT
        self._file_row.set_hint(hint)

    def _path_text(self) -> str:
        return self._read().ledger_path or str(ledger_file())

    def _set_path(self, text: str) -> None:
        path = Path(text.strip()).expanduser()
        if text.strip() and (path.is_dir() or not path.is_absolute()):
            raise SettingsError(f"{text.strip()} must be a file with its whole path, as {ledger_file()}.")
        self._change(ledger_path="" if not text.strip() or path == ledger_file() else str(path))

    def _choose(self) -> None:
        if (path := self._acts.ask_file()) is not None:
            self.file.preview(str(path))
            self._set_path(str(path))

    def _compact(self) -> None:
        self.compact.state(["disabled"])
        self._size_row.set_hint("Compacting …")
        self._acts.on_compact()


def _span(days: int) -> str:
    return f"{days // 365} year{'' if days == 365 else 's'}" if days % 365 == 0 else f"{days} days"
