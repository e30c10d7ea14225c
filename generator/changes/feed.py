"""``Feed``: delivers the files of one subject of the shop, with its manifest and its truth."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from generator.changes.contracts import fields_of, latest_version, migration_defaults, subject_of
from generator.changes.fault_injector import FaultInjector
from generator.changes.files import build_file
from generator.changes.orders import LONGEST_REFUND_DAYS
from generator.changes.truth import AcceptedChange, Truth
from generator.clock import to_ms
from generator.delivery import FileReport, deliver
from generator.faults import Outcome
from generator.manifest import Closing, block
from generator.options import OptionsError
from generator.recovery import FILE_NAME, recover

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generator.built_file import BuiltFile
    from generator.changes.change import Change
    from generator.changes.options import ShopOptions
    from generator.changes.planned_file import PlannedFile

# Longer than two changes of one order can lie apart: a late refund that also arrives late.
ARCHIVE_AFTER_DAYS = LONGEST_REFUND_DAYS + 25


class Feed:
    """Delivers the files of one subject, day by day from day 0.

    Files that an earlier run delivered are only counted in the truth. A new feed first recovers from a run that was
    killed. Raises OptionsError where the folder holds files of another shop, or files that no
    manifest speaks of.
    """

    def __init__(self, subject: str, manifest: Path, options: ShopOptions) -> None:
        self.subject, self._options, self._manifest = subject, options, manifest
        self._folder = options.out / subject
        last = recover(self._folder, manifest)
        self._refuse_other_shops(last)
        self._last = last.file.removesuffix(".gz") if last else ""
        self.is_caught_up = not last
        self.delivered_days = last.number + 1 if last else 0
        self._injector, self._key, self._day = FaultInjector(subject, options), fields_of(subject)[0], -1
        self._latest, self._cells = latest_version(subject), itemgetter(*fields_of(subject))
        self._defaults = {version: dict(migration_defaults(subject, version)) for version in range(1, self._latest)}
        has_history = bool(subject_of(subject).latest.tracked)
        self._truth = Truth(subject, archive_after_days=None if has_history else ARCHIVE_AFTER_DAYS)

    def _refuse_other_shops(self, last: Closing | None) -> None:
        if last and last.world != self._options.fingerprint():
            raise OptionsError(
                f"{self._folder} holds files of a shop with other options: give the same options or another --out"
            )
        if not last and any(FILE_NAME.fullmatch(path.name) for path in self._folder.iterdir()):
            raise OptionsError(f"{self._folder} holds files that {self._manifest} does not know: choose another --out")

    def next_day(self, changes: Sequence[Change]) -> list[PlannedFile]:
        """Return the next day's files that are still to be delivered; the others are counted as delivered."""
        self._day += 1
        files = self._injector.next_day(changes)
        while files and not self.is_caught_up:
            file = files.pop(0)
            self._count(file)
            self.is_caught_up = self._source(file).removesuffix(".gz") == self._last
        if self._options.with_truth:
            self._truth.archive(self._day)
        return files

    def deliver(self, file: PlannedFile) -> FileReport:
        """Deliver one file of the current day, announced in the manifest and counted in the truth."""
        built, source = build_file(file, self._options.seed, self._day), self._source(file)
        report = deliver(self._options.out, source, built, lambda: self._announce(built, source))
        self._count(file)
        return report

    def _source(self, file: PlannedFile) -> str:
        ending = ".csv.gz" if self._options.gzip else ".csv"
        return f"{self.subject}/{self.subject}_{self._day:06d}{file.layout.part}{ending}"

    def _announce(self, built: BuiltFile, source: str) -> None:
        """Append the file's block; a block without its file is cut off at the next start."""
        closing = Closing(
            file=source,
            number=self._day,
            rows=len(built.faults),
            kind=built.kind_name,
            world=self._options.fingerprint(),
            first=0,
            origin_ms=to_ms(self._options.start),
            until_ms=self._options.begin_ms(self._day + 1),
        )
        with self._manifest.open("a", encoding="utf-8") as manifest:
            manifest.write(block("change_id", built, closing))

    def _count(self, file: PlannedFile) -> None:
        """Add the accepted changes of a delivered file to the truth."""
        if not self._options.with_truth:
            return
        given, add, day = file.layout.given_fields, self._truth.add, self._day
        for change, fault in file.records:
            if fault is None or fault.outcome is Outcome.ACCEPTED:
                add(day, change.row.get(self._key, ""), self._accepted(change, given))

    def _accepted(self, change: Change, given: tuple[int, ...] | None) -> AcceptedChange:
        """Return an accepted change with the fields of the latest version, as migrated."""
        op, row = change.op, change.row
        if op in "dt":
            return AcceptedChange(change.seq, change.change_id, op, change.moment_ms, ())
        if change.version < self._latest:
            row = row | self._defaults[change.version]
        given = given if op == "u" else None
        return AcceptedChange(change.seq, change.change_id, op, change.moment_ms, self._cells(row), given)

    def write_truth(self) -> None:
        """Write the truth next to the manifest, unless an earlier run's files are still being counted."""
        if self._options.with_truth and self.is_caught_up:
            self._truth.write(self._manifest.with_name(f"{self._manifest.stem}.truth.jsonl"))

    def close(self) -> None:
        """Close the truth."""
        self._truth.close()
