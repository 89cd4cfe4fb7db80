"""A probe of a simulated account: it finds each assumption that is broken, and leaves nothing behind."""

from typing import Any

import anyio
import pytest

from importer.errors import AccessError, ExitStatus, InternalError, UsageError
from importer.preflight import Account
from importer.probing.bench import MADE_MAX, Bench
from importer.probing.findings import Verdict
from tests.probing.conftest import about, verdicts

HOLD = dict.fromkeys(("A1", "A2", "A3", "A4"), Verdict.HOLDS)


@pytest.mark.parametrize("api_version", ["v3", "2026-03", "2026-09"])
async def test_all_assumptions_hold(lab: Any, api_version: str) -> None:
    """A good account: four times `holds`, status 0, at most twelve campaigns, all archived again."""
    async with lab(api_version=api_version) as account:
        probe, status = await account.probe()

        assert verdicts(probe) == HOLD
        assert (status, probe.ended, probe.left) == (ExitStatus.OK, None, {})
        assert len(account.simulator.truth) == probe.made == probe.archived <= MADE_MAX
        assert account.still_there == []
        assert all(probe.name in campaign.properties["hs_name"] for campaign in account.simulator.truth)


@pytest.mark.parametrize(
    ("switch", "broken"),
    [
        ("bad_record=make_and_refuse", "A1"),
        ("400_commits:1", "A1"),
        ("400_commits@3", "A1"),
        ("partial_400_commits@4", "A1"),
        ("429_commits@6", "A1"),
        ("date_skew_s=4000", "A2"),
        ("date_skew_s=-4000", "A2"),
        ("bad_created_at:1:-3600", "A2"),
        ("list_lag_s=3600", "A3"),
        ("duplicate_result@2", "A4"),
        ("other_ids:1", "A4"),
    ],
)
async def test_a_broken_assumption_is_found(lab: Any, switch: str, broken: str) -> None:
    """Each switch that breaks an assumption is told by that assumption and no other, with status 9."""
    async with lab(switch) as account:
        probe, status = await account.probe()

        said = verdicts(probe)
        assert said.pop(broken) == Verdict.BROKEN
        assert Verdict.BROKEN not in said.values()
        assert status == ExitStatus.DIFFERENCES
        assert account.still_there == []
        assert probe.left == {}


async def test_the_good_one_beside_the_bad_one_is_named(lab: Any) -> None:
    """The finding on refusals says what was made all the same, and what the error's context holds."""
    async with lab("bad_record=make_and_refuse", "name_errors=yes") as account:
        probe, _ = await account.probe()

    found = about(probe, "One bad input of two")
    assert found.answer == "400, although 1 of 2 were made"
    assert f"in the list 0.05 s later: {probe.name} good" in found.evidence
    assert any("hs_name" in line and "propertyName" in line for line in found.evidence)


async def test_a_partial_answer_leaves_a1_untold(lab: Any) -> None:
    """Where a bad record costs only itself nothing is refused: A1 cannot be told, status 6."""
    async with lab("bad_record=partial") as account:
        probe, status = await account.probe()

        assert verdicts(probe) == HOLD | {"A1": Verdict.CANNOT_TELL}
        assert status == ExitStatus.UNRESOLVED
        assert about(probe, "One bad input of two").answer.startswith("207")
        assert account.still_there == []


async def test_how_hubspot_treats_what_it_is_sent(lab: Any) -> None:
    """Trimming, folding, echoes, sizes, filters, the token and the statuses are answered as the account does it."""
    async with lab("normalise=trim,lower_status", "check_choices=no") as account:
        probe, _ = await account.probe()

    assert "hs_notes: sent '  a  b ', back 'a  b': the same in canonical form" in about(probe, "dates come").evidence
    assert about(probe, "upper case").answer == "comes back as 'planned'"
    assert about(probe, "objectWriteTraceId").answer == "accepted; echoed: neither"
    assert about(probe, "Are equal names").answer == "together: 201, 2 of 2 made; once more: 201"
    assert about(probe, "0 inputs").answer == about(probe, "51 inputs").answer == "400"
    assert about(probe, "long may").answer == "4096 characters: 201, 4096 came back"
    assert about(probe, "name=").answer == "ignores case"
    assert about(probe, "describes a token").answer == "yes"
    assert about(probe, "hs_campaign_status take?").answer == "planned, in_progress, active, paused, completed"


async def test_an_upper_case_status_may_be_refused(lab: Any) -> None:
    """A refusal is an answer too, and it is looked up like any other refusal."""
    async with lab("check_choices=yes") as account:
        probe, status = await account.probe()

    assert about(probe, "upper case").answer == "400, not shown"
    assert about(probe, "other refused").verdict is Verdict.HOLDS
    assert status == ExitStatus.OK


@pytest.mark.parametrize("fault", ["extra_result:1", "stranger_result:1", "foreign:1"])
async def test_what_others_made_is_never_archived(lab: Any, fault: str) -> None:
    """Whatever ids an answer names, only campaigns of the probe's own name are archived."""
    async with lab(fault) as account:
        probe, _ = await account.probe()

        assert account.simulator.stats()["foreign"] > 0
        assert {each.foreign for each in account.simulator.truth if not each.archived} == {True}
        assert {each.foreign for each in account.simulator.truth if each.archived} == {False}
        assert probe.archived == account.simulator.stats()["archived"]


@pytest.mark.parametrize("fault", ["archive/500_before:1", "archive/reset_before:1", "archive/429:1"])
async def test_what_cannot_be_archived_is_named(lab: Any, fault: str) -> None:
    """An archive that does nothing is noticed: every id that is left is told, with status 6."""
    async with lab(fault) as account:
        probe, status = await account.probe()

        assert set(probe.left) == {each.id for each in account.simulator.truth}
        assert (probe.archived, status) == (0, ExitStatus.UNRESOLVED)


@pytest.mark.parametrize("fault", ["500_after_commit:1", "reset_after_commit:1", "echo=none", "missing_results:1"])
async def test_what_no_answer_names_is_archived_all_the_same(lab: Any, fault: str) -> None:
    """Campaigns whose answers were lost or empty are found by their name and taken away."""
    async with lab(fault) as account:
        probe, _ = await account.probe()

        assert probe.made == len(account.simulator.truth) > 0
        assert account.still_there == []


async def test_a_list_that_fails_tells_nothing(lab: Any) -> None:
    """Without the list A1 and A3 cannot be told, the 51 are not sent, and ids alone are enough to tidy up."""
    async with lab("list/500_before@2-9999") as account:
        probe, status = await account.probe()

        assert verdicts(probe) == HOLD | {"A1": Verdict.CANNOT_TELL, "A3": Verdict.CANNOT_TELL}
        assert about(probe, "51 inputs").verdict is Verdict.NOT_ASKED
        assert max(each.inputs for each in account.simulator.requests if each.operation == "create") == 2
        assert status == ExitStatus.UNRESOLVED
        assert account.still_there == []


async def test_a_stop_ends_the_experiment_and_still_tidies_up(lab: Any) -> None:
    """A signal in the long wait: the rest is not asked, what was made is archived, the status is the signal's."""
    async with lab(settle_s=600.0) as account:

        def interrupt(words: str) -> None:
            if words.startswith("waiting 600 s"):
                account.stop.request("interrupted by SIGINT", ExitStatus.INTERRUPTED)

        probe, status = await account.probe(say=interrupt)

        assert (status, probe.ended) == (ExitStatus.INTERRUPTED, "interrupted by SIGINT")
        assert about(probe, "51 inputs").verdict is Verdict.NOT_ASKED
        assert about(probe, "name=").verdict is Verdict.NOT_ASKED
        assert probe.made == probe.archived == len(account.simulator.truth) > 0
        assert account.still_there == []


async def test_an_unforeseen_error_tidies_up_as_well(lab: Any) -> None:
    """An error in the middle passes on, after what was made is archived."""
    async with lab() as account:

        def fails(words: str) -> None:
            if words.startswith("waiting"):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await account.probe(say=fails)
        assert len(account.simulator.truth) > 0
        assert account.still_there == []


@pytest.mark.parametrize(
    ("switch", "status"),
    [("scopes=marketing.campaigns.read", 403), ("scopes=marketing.campaigns.write", 403), ("token=another", 401)],
)
async def test_without_access_nothing_is_made(lab: Any, switch: str, status: int) -> None:
    """A token that may not read or write ends the probe with status 4."""
    async with lab(switch) as account:
        with pytest.raises(AccessError):
            await account.probe()
        assert len(account.simulator.truth) == 0
        assert status in {each.status for each in account.simulator.requests}


async def test_the_user_is_asked_before_the_first_campaign(lab: Any) -> None:
    """A no ends it with nothing made; the question knows whose account it is."""
    async with lab("account_type=STANDARD") as account:

        async def refuses(whose: Account) -> None:
            assert whose.production
            raise UsageError("no")

        with pytest.raises(UsageError):
            await account.probe(confirm=refuses)
        assert account.simulator.stats()["creates"] == 0


async def test_no_more_than_twelve_can_be_sent(lab: Any) -> None:
    """The thirteenth input is refused here, before it is sent."""
    async with lab() as account:
        bench = Bench(transport=account.transport, inquiries=account.inquiries, name="importer probe x")
        await bench.create(*[{"hs_name": f"importer probe x {number}"} for number in range(MADE_MAX)])
        with pytest.raises(InternalError, match="may make 12 campaigns"):
            await bench.create({"hs_name": "importer probe x one more"})
        assert account.simulator.stats()["creates"] == 1
        assert await bench.tidy((), wait_s=0.0) == {}


async def test_fifty_one_that_are_made_all_the_same_are_taken_away(lab: Any) -> None:
    """Should HubSpot make the 51, they are archived, in requests of fifty, and counted."""
    async with lab() as account:
        bench = Bench(transport=account.transport, inquiries=account.inquiries, name="importer probe y")
        for half in (range(50), range(50, 51)):
            await bench.create(*[{"hs_name": f"importer probe y {number}"} for number in half], hopeless=True)
        assert await bench.tidy((), wait_s=0.0) == {}
        assert len(bench.archived) == 51
        assert account.still_there == []
        assert [each.inputs for each in account.simulator.requests if each.operation == "archive"] == [50, 1]


async def test_what_a_lost_answer_hides_is_waited_for(lab: Any) -> None:
    """A campaign of a lost answer that shows late is found before the probe is done; known ones cost no wait."""
    async with lab("reset_after_commit@1", "list_lag_s=0.1") as account:
        bench = Bench(transport=account.transport, inquiries=account.inquiries, name="importer probe z")
        assert (await bench.create({"hs_name": "importer probe z lost"})).status is None
        assert await bench.tidy((), wait_s=0.4) == {}
        assert account.still_there == []
        made = await bench.create({"hs_name": "importer probe z told"})
        with anyio.fail_after(60):
            assert await bench.tidy(made.ids, wait_s=3600.0) == {}
        assert account.still_there == []
