"""Show a row as it was, for ``tally as-of``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.render.terminal import complain, say
from spark_jobs.render.values import exact_text

if TYPE_CHECKING:
    from spark_jobs.batch.point_in_time.key_states import Answer, State


def show_answer(answer: Answer) -> None:
    """Show a row as it was at a moment, since when and until when, and the change that made it.

    Where there was none, complain on standard error with the reason.
    """
    row = f"{answer.subject} with {', '.join(f'{name} {exact_text(value)}' for name, value in answer.key.items())}"
    if answer.found is None:
        complain(_absence(answer, row))
        return
    say(f"{row} at {exact_text(answer.moment)}", style="bold")
    facts = _facts(answer, answer.found)
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        say((f"  {name:>{width}}  ", "dim"), text)


def _facts(answer: Answer, state: State) -> list[tuple[str, str]]:
    surrogate = "" if state.surrogate is None else f", surrogate key {state.surrogate}"
    made = (
        "not in the change log"
        if answer.change is None
        else f"{answer.change.change_id}, sequence {answer.change.sequence}"
    )
    return [
        *((name, exact_text(value)) for name, value in state.row.items()),
        ("version", f"{state.version}{surrogate}"),
        ("since", exact_text(state.valid_from)),
        ("until", "now" if state.valid_to is None else exact_text(state.valid_to)),
        ("change", made),
    ]


def _absence(answer: Answer, row: str) -> str:
    """Return why there was no row: never known, not yet there, or deleted; with the versions before and after."""
    moment, before, after = exact_text(answer.moment), answer.before, answer.after
    if before is None and after is None:
        return f"there has never been a row of {row}"
    first = "" if after is None else f"version {after.version} begins at {exact_text(after.valid_from)}"
    if before is None:
        return f"there was no row of {row} yet at {moment}: {first}"
    last = f"version {before.version} ended at {exact_text(before.valid_to)}"
    return f"the row of {row} was deleted at {moment}: {last}, {first or 'and none has come since'}"
