"""Settings become the policies of the stations, and mappings are found by name."""

from pathlib import Path
from typing import Any

import pytest

from importer.cli.planning import build_plan, find_mapping, mapping_names, ready_mappings
from importer.errors import AccessError, UsageError
from importer.plan import Plan
from importer.settings import load


def plan(flags: dict[str, Any], *, offline: bool = True) -> Plan:
    """Return the plan that these flags make for one file."""
    return build_plan(load(flags), ["a.csv"], offline=offline)


def test_values_reach_their_policies() -> None:
    """Each flag arrives where its station looks for it."""
    made = plan(
        {
            "encoding": "cp1252", "delimiter": "\\t", "format": "csv", "max_bytes": "99", "limit": "5",
            "key": ["Id"], "key_space": "crm", "allow_property": ["tier"], "correlation_property": "import_key",
            "retry_failed": True, "rate": "50", "max_wait": "3", "max_outage": "4", "grace": "2", "timeout": "7",
            "settle": "8", "settle_max": "9", "api_version": "2026-03", "base_url": "https://h",
        }
    )  # fmt: skip
    assert (made.reading.encoding, made.reading.delimiter, made.reading.bytes_max) == ("cp1252", "\t", 99)
    assert (made.records.key, made.records.key_space) == (("Id",), "crm")
    assert (made.records.allow_properties, made.records.correlation) == (frozenset({"tier"}), "import_key")
    assert (made.admission.limit, made.admission.retry_failed) == (5, True)
    assert (made.rate.requests, made.rate.fixed, made.workers) == (50, True, None)
    assert (made.waits.wait_max_s, made.outage.outage_max_s, made.grace_s) == (3, 4, 2)
    assert (made.transport.timeout_s, made.settling.timeout_s) == (7, 7)
    assert (made.settling.settle_s, made.settling.settle_max_s) == (8, 9)
    assert (made.transport.api_version, made.transport.base_url) == ("2026-03", "https://h")


def test_workers_are_found_unless_a_number_is_set() -> None:
    """`auto`, the default, leaves the number to the run; a number fixes it, and how much may be in doubt."""
    for flags in ({}, {"workers": "auto"}, {"rate": "1"}):
        made = plan(flags)
        assert made.workers is None
        assert (made.concurrency.tasks, made.concurrency.doubts_max) == (64, 64)
    made = plan({"rate": "101", "workers": "3"})
    assert (made.workers, made.concurrency.tasks, made.concurrency.doubts_max) == (3, 3, 6)


def test_a_share_of_the_rate() -> None:
    """`--rate-share` reaches the rate limit, with a bound of the user's and without."""
    assert (plan({}).rate.share, plan({"rate_share": "0.5"}).rate.share) == (1.0, 0.5)
    made = plan({"rate": "100", "rate_share": "0.25"}).rate
    assert (made.requests, made.fixed, made.share) == (100, True, 0.25)


def test_a_mapping_brings_its_key_and_key_space() -> None:
    """Without --key the mapping's key counts, with the mapping's name as key space; both can be overruled."""
    made = plan({"mapping": "salesforce"})
    assert (made.records.key, made.records.key_space) == (("Id",), "salesforce")
    made = plan({"mapping": "salesforce", "key": ["Name"], "key_space": "crm"})
    assert (made.records.key, made.records.key_space) == (("Name",), "crm")


def test_mappings_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    """Ready ones by name, others by path; a near miss is suggested."""
    assert {"salesforce", "mailchimp"} <= set(mapping_names())
    assert "example" not in mapping_names()
    assert [mapping.name for mapping in ready_mappings()] == list(mapping_names())
    own = tmp_path / "own.toml"
    own.write_text('[properties]\nhs_name = "Title"\n')
    assert find_mapping(str(own)).name == "own"
    with pytest.raises(UsageError, match=r'no mapping or file "salesfroce" \(did you mean "salesforce"\?\)'):
        find_mapping("salesfroce")
    own.write_text("[properties")
    with pytest.raises(UsageError, match="is not TOML"):
        find_mapping(str(own))


def test_an_unknown_format_is_refused_with_its_near_miss() -> None:
    """--format takes what there is."""
    with pytest.raises(UsageError, match=r'no format "jsnl" \(did you mean "jsonl"\?\)'):
        plan({"format": "jsnl"})


def test_a_rehearsal_needs_no_token_and_waits_less() -> None:
    """--simulate brings a simulator that keeps its state in the ledger; waits are short unless they were set."""
    made = plan({"simulate": True, "fault": ["504@2"]}, offline=False)
    assert made.simulator is not None
    assert [rule.name for rule in made.simulator.faults] == ["504"]
    assert made.simulator_state == Path("a.csv.simulated.ledger/simulator")
    assert made.settling.settle_s < 60
    assert plan({"simulate": True, "settle": "33"}, offline=False).settling.settle_s == 33


def test_sending_needs_a_token_and_a_dry_run_does_not() -> None:
    """Without a token a real run is refused, with the way to get one; what sends nothing goes on."""
    with pytest.raises(AccessError) as caught:
        plan({}, offline=False)
    assert "marketing.campaigns.write" in str(caught.value.hint)
    assert plan({"dry_run": True}, offline=False).dry_run
