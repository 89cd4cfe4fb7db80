"""The outcome in words."""

import pytest

from importer.errors import ExitStatus
from importer.report.books import Books
from importer.report.item_books import ItemBooks
from importer.report.words import duration, verdict


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.17, "0.2 s"), (14.2, "14 s"), (59.9, "1 min"), (185, "3 min 5 s"), (7_800, "2 h 10 min"), (7_200, "2 h")],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """Small ones with a tenth, large ones in two units."""
    assert duration(seconds) == said


@pytest.mark.parametrize("status", ExitStatus)
def test_every_status_has_its_words(status: ExitStatus) -> None:
    """Whatever a run ends in, there is a headline; only a run that is well is called good."""
    told = verdict(status, Books(read=3, created=2, failed=1), "the network is down")
    assert told.headline
    assert (told.tone == "good") == (status is ExitStatus.OK)


@pytest.mark.parametrize(
    ("status", "books", "headline", "sentence"),
    [
        (ExitStatus.OK, Books(read=3, created=2, skipped=1), "Everything is in HubSpot",
         "2 campaigns made; 1 row skipped: in HubSpot already, or twice in the source."),
        (ExitStatus.OK, Books(read=3, skipped=3), "There was nothing left to do",
         "3 rows: all are in HubSpot already."),
        (ExitStatus.SOME_FAILED, Books(read=3, created=2, failed=1), "1 row of 3 needs mending", "2 campaigns made."),
        (ExitStatus.SOME_FAILED, Books(read=3, failed=3), "3 rows of 3 need mending", "Nothing new was made."),
        (ExitStatus.UNRESOLVED, Books(read=3, created=2, unresolved=1), "Finished, with something to look at",
         "Of 1 row it cannot be told yet whether HubSpot made the campaign."),
        (ExitStatus.PAUSED, Books(read=3), "Paused: the same command goes on", "The day is used up."),
    ],
)  # fmt: skip
def test_outcomes_are_told_with_their_numbers(status: ExitStatus, books: Books, headline: str, sentence: str) -> None:
    """Headline and sentence say what happened and agree with the books."""
    told = verdict(status, books, "The day is used up.")
    assert (told.headline, told.sentence) == (headline, sentence)


def test_a_run_without_an_end_is_not_called_anything_else() -> None:
    """A run that left no summary is neither good nor bad: it was killed, or is at work."""
    assert verdict(None, None, None).tone == "wait"


def test_items_that_failed_are_not_called_rows() -> None:
    """Where all rows are well, the headline is about budget and spend."""
    books = Books(read=3, created=3)
    failed = verdict(ExitStatus.SOME_FAILED, books, None, ItemBooks(read=6, made=5, failed=1))
    assert (failed.tone, "1 item" in failed.sentence) == ("mend", True)
    unclear = verdict(ExitStatus.UNRESOLVED, books, None, ItemBooks(read=6, made=5, unresolved=1))
    assert "1 item" in unclear.sentence
    rows = verdict(
        ExitStatus.SOME_FAILED, Books(read=3, created=2, failed=1), None, ItemBooks(read=6, made=5, failed=1)
    )
    assert "1 row of 3" in rows.headline
