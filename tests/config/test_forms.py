"""config.forms: texts that each form reads, refuses and shows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.forms import duration, folder, master, one_of, share, size, whole


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("10 minutes", timedelta(minutes=10), "10 minutes"),
        ("500 ms", timedelta(milliseconds=500), "500 ms"),
        ("1h", timedelta(hours=1), "1 hour"),
        ("1.5 min", timedelta(seconds=90), "90 seconds"),
        ("0.5 ms", timedelta(microseconds=500), "0.5 ms"),
        ("120 S", timedelta(minutes=2), "2 minutes"),
        ("0 seconds", timedelta(), "0 ms"),
    ],
)
def test_a_duration_is_read_and_shown_again(text: str, value: timedelta, shown: str) -> None:
    form = duration()
    assert form.read(text) == value
    assert form.show(value) == shown
    assert form.read(shown) == value


@pytest.mark.parametrize(
    "text", ["10", "ten minutes", "1 fortnight", "-1 s", "1 s 2 ms", "1e3 s", "0 parsecs", "", "4000d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        duration().read(text)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [("256m", 268_435_456, "256m"), ("1G", 1_073_741_824, "1g"), ("2048kb", 2_097_152, "2m"), ("1025", 1025, "1025")],
)
def test_a_size_is_read_and_shown_again(text: str, value: int, shown: str) -> None:
    form = size()
    assert form.read(text) == value
    assert form.show(value) == shown


@pytest.mark.parametrize("text", ["1.5g", "m", "-1m", "1 x", "1023"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        size().read(text)


def test_bounds_are_part_of_a_range() -> None:
    assert whole(1, 5).read("1") == 1
    assert whole(1, 5).read("5") == 5
    assert share().read("0") == 0.0
    assert share().read("1") == 1.0


@pytest.mark.parametrize("text", ["0", "6", "٣", "1_0", "1.0"])
def test_what_is_no_whole_number_in_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        whole(1, 5).read(text)


def test_words_are_read_as_they_are_spelled_here() -> None:
    assert one_of("DEBUG", "INFO").read("info") == "INFO"


def test_masters_of_all_kinds_are_read() -> None:
    for text in ("local", "local[4]", "local[*]", "local[2,3]", "yarn", "spark://host:7077", "k8s://https://host"):
        assert master().read(text) == text


def test_the_home_folder_is_expanded() -> None:
    assert not str(folder().read("~/lake")).startswith("~")
