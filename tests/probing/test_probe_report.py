"""The report and the sum of findings: what stands in them, and what must not."""

import json
from pathlib import Path

import pytest

from importer.errors import ExitStatus
from importer.probing.findings import ASSUMPTIONS, Finding, Verdict, of_assumption, status_of
from importer.probing.judging import judge
from importer.probing.observations import INPUTS_TOO_MANY, Observations
from importer.probing.writing import DATA, REPORT, Probe, scrubbed, write


def finding(assumption: str | None, verdict: Verdict, answer: str = "so") -> Finding:
    """Return a finding."""
    return Finding(question="how?", answer=answer, verdict=verdict, assumption=assumption)


def probe(*findings: Finding) -> Probe:
    """Return a probe that is over."""
    return Probe(
        name="importer probe x", at="2026-11-24T00:00:00+00:00", tool="1", base_url="https://x", api_version="v3",
        account_kind="SANDBOX", simulated=False, settle_s=60.0, made_most=12, made=1, archived=0,
        left={"id-1": "importer probe x `good`"}, requests=3, ended="the list ended", findings=findings, creates=(),
    )  # fmt: skip


def test_the_sum_of_findings() -> None:
    """One finding breaks an assumption; what was not asked proves nothing; only four times `holds` is well."""
    good = [finding(name, Verdict.HOLDS) for name in ASSUMPTIONS]
    assert status_of(good, left=0) == ExitStatus.OK
    assert status_of(good, left=1) == ExitStatus.UNRESOLVED
    assert status_of(good[1:], left=0) == ExitStatus.UNRESOLVED
    assert status_of([*good, finding("A2", Verdict.BROKEN)], left=1) == ExitStatus.DIFFERENCES
    assert of_assumption([finding("A1", Verdict.NOT_ASKED), finding("A1", Verdict.HOLDS)], "A1") is Verdict.HOLDS
    assert of_assumption([finding("A1", Verdict.CANNOT_TELL)], "A1") is Verdict.CANNOT_TELL
    assert of_assumption([finding(None, Verdict.ANSWERED)], "A1") is Verdict.NOT_ASKED


def test_a_probe_that_asked_nothing_has_nothing_to_say() -> None:
    """Every question of an empty experiment is `not asked`."""
    findings = judge(Observations(name="importer probe x", settle_s=60.0))
    assert {each.verdict for each in findings} == {Verdict.NOT_ASKED}
    assert len({each.question for each in findings}) == len(findings)
    assert any(str(INPUTS_TOO_MANY) in each.question for each in findings)


def test_secrets_are_struck_out_of_both_files(tmp_path: Path) -> None:
    """What HubSpot's own words repeat of token and portal id is left out; longer numbers stay as they are."""
    told = probe(finding("A1", Verdict.BROKEN, "the token tok-1 of 123 is no 1234"))
    write(tmp_path, told, secrets=["tok-1", "123", ""])
    for name in (REPORT, DATA):
        text = (tmp_path / name).read_text()
        assert "the token [left out] of [left out] is no 1234" in text
        assert "tok-1" not in text
    assert scrubbed("x", [""]) == "x"


def test_the_report_says_what_was_left_and_why_it_ended(tmp_path: Path) -> None:
    """People find the verdicts, what to archive by hand and why it ended; programs find the same."""
    write(tmp_path, probe(finding("A3", Verdict.CANNOT_TELL)), secrets=[])
    report, data = (tmp_path / REPORT).read_text(), json.loads((tmp_path / DATA).read_text())
    assert "- `id-1` `importer probe x 'good'`" in report
    assert "**It ended early: the list ended.**" in report
    assert "| A3 | what was made shows in the list soon | cannot tell |" in report
    assert data["assumptions"]["A3"] == "cannot tell"
    assert data["left"] == {"id-1": "importer probe x `good`"}


@pytest.mark.posix("links need a right of their own")
def test_a_link_in_the_reports_place_is_not_followed(tmp_path: Path) -> None:
    """The report never overwrites what somebody else's link points to."""
    (tmp_path / "precious").write_text("keep")
    (tmp_path / REPORT).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        write(tmp_path, probe(), secrets=[])
    assert (tmp_path / "precious").read_text() == "keep"
