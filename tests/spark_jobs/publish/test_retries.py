from __future__ import annotations

from spark_jobs.publish.retries import LONGEST_WAIT, wait_after


def test_waits_double_up_to_the_longest_and_stay_there_after_any_number_of_failures() -> None:
    assert [wait_after(failures) for failures in (1, 2, 3, 6, 7)] == [1, 2, 4, 32, LONGEST_WAIT]
    assert wait_after(1_000_000) == LONGEST_WAIT
