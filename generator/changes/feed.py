"""One subject of the shop on its way into the landing folder: its files, its manifest, its truth."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING

from generator.changes.chaos import Chaos
from generator.changes.contracts import fields_of, latest_version, lost_in, subject_of
from generator.changes.files import BuiltChanges, built
from generator.changes.orders import LONGEST_REFUND_DAYS
from generator.clock import to_ms
from generator.delivery import FileReport, deliver
from generator.faults import Outcome
from generator.manifest import Closing, block_of, outcomes_of
from generator.options import OptionsError
from generator.resume import tidied
from generator.truth import Fact, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generator.changes.change import Change
    from generator.changes.drafts import Draft
    from generator.changes.options import ShopOptions

# Longer than anything may happen to an order after something happened to it: a late refund that also arrives late.
SETTLES_AFTER_DAYS = LONGEST_REFUND_DAYS + 25
_DELIVERED = re.compile(r"[a-z_]+_\d{6,}(?:_[a-z0-9]+)?\.csv(?:\.gz)?")


class Feed:
    """The files of one subject, day by day from day 0.

    Those that an earlier run delivered are only counted in the truth; the others are delivered. Opening it tidies up
    after a run that was killed. Raises OptionsError where the folder holds files of another shop, or files that no
    manifest speaks of.
    """

    def __init__(self, subject: str, manifest: Path, options: ShopOptions) -> None:
        self.subject, self._options, self._manifest = subject, options, manifest
        self._folder = options.out / subject
        last = tidied(self._folder, manifest)
        self._refuse_other_shops(last)
        self._last = last.file.removesuffix(".gz") if last else ""
        self.is_caught_up = not last
        self.delivered_days = last.number + 1 if last else 0
        self._chaos, self._key, self._day = Chaos(subject, options), fields_of(subject)[0], -1
        self._latest, self._cells = latest_version(subject), itemgetter(*fields_of(subject))
        self._lost = {version: dict(lost_in(subject, version)) for version in range(1, self._latest)}
        has_history = bool(subject_of(subject).latest.tracked)
        self._truth = Truth(subject, settles_after=None if has_history else SETTLES_AFTER_DAYS)

    def _refuse_other_shops(self, last: Closing | None) -> None:
        if last and last.world != self._options.fingerprint():
            raise OptionsError(
                f"{self._folder} holds files of a shop with other options: give the same options or another --out"
            )
        if not last and any(_DELIVERED.fullmatch(path.name) for path in self._folder.iterdir()):
            raise OptionsError(f"{self._folder} holds files that {self._manifest} does not know: choose another --out")

    def next_day(self, changes: Sequence[Change]) -> list[Draft]:
        """The next day's files that are still to be delivered; the others are taken as delivered."""
        self._day += 1
        drafts = self._chaos.next_day(changes)
        while drafts and not self.is_caught_up:
            draft = drafts.pop(0)
            self._count(draft)
            self.is_caught_up = self._source(draft).removesuffix(".gz") == self._last
        if self._options.with_truth:
            self._truth.settle(self._day)
        return drafts

    def deliver(self, draft: Draft) -> FileReport:
        """Put one file of the current day in its place, announced in the manifest, counted in the truth."""
        made, source = built(draft, self._options.seed, self._day), self._source(draft)
        size = deliver(self._options.out / source, made.data, lambda: self._announce(draft, made, source))
        self._count(draft)
        versions, kind = set(made.versions), draft.kind.name if draft.kind else None
        version = versions.pop() if len(versions) == 1 else None
        return FileReport(source, len(draft.entries), size, version, kind, outcomes_of(made.fates))

    def _source(self, draft: Draft) -> str:
        ending = ".csv.gz" if self._options.gzip else ".csv"
        return f"{self.subject}/{self.subject}_{self._day:06d}{draft.layout.part}{ending}"

    def _announce(self, draft: Draft, made: BuiltChanges, source: str) -> None:
        """Append the file's block; a block without its file is cut off at the next start."""
        closing = Closing(
            file=source,
            number=self._day,
            rows=len(draft.entries),
            kind=draft.kind.name if draft.kind else None,
            world=self._options.fingerprint(),
            first=0,
            origin_ms=to_ms(self._options.start),
            until_ms=self._options.begin_ms(self._day + 1),
        )
        with self._manifest.open("a", encoding="utf-8") as manifest:
            manifest.write(block_of("change_id", made.change_ids, made.versions, made.fates, closing))

    def _count(self, draft: Draft) -> None:
        """Take the accepted changes of a delivered file down in the truth."""
        if not self._options.with_truth:
            return
        given, add, day = draft.layout.given, self._truth.add, self._day
        for change, fault in draft.entries:
            if fault is None or fault.outcome is Outcome.ACCEPTED:
                add(day, change.row.get(self._key, ""), self._fact(change, given))

    def _fact(self, change: Change, given: tuple[int, ...] | None) -> Fact:
        """An accepted change as the latest version reads it, once migrated."""
        op, row = change.op, change.row
        if op in "dt":
            return Fact(change.seq, change.change_id, op, change.moment_ms, ())
        if change.version < self._latest:
            row = row | self._lost[change.version]
        is_partial = given is not None and op == "u"
        return Fact(change.seq, change.change_id, op, change.moment_ms, self._cells(row), given if is_partial else None)

    def write_truth(self) -> None:
        """Write the truth beside the manifest, unless an earlier run's files are still being counted."""
        if self._options.with_truth and self.is_caught_up:
            self._truth.write(self._manifest.with_name(f"{self._manifest.stem}.truth.jsonl"))

    def close(self) -> None:
        """Give back what the truth holds."""
        self._truth.close()
