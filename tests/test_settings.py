"""Settings: which layer wins, what is refused and how it is said, and that the files in config/ tell the truth."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from importer.admission import AdmissionPolicy
from importer.cli.configuring import default_file, text
from importer.cli.flags import FLAGS, IN_FILE
from importer.doubts import SettlePolicy
from importer.errors import UsageError
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.throttle import WaitPolicy
from importer.outage import OutagePolicy
from importer.plan import Plan
from importer.settings import Settings, load
from importer.sources.policy import ReadPolicy

CONFIG = Path(__file__).resolve().parents[1] / "config"
DEFAULTS = Settings.model_construct()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, so that no importer.toml is there unless the test writes one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(flags: dict[str, Any]) -> UsageError:
    """Return the error that these flags end in."""
    with pytest.raises(UsageError) as caught:
        load(flags)
    return caught.value


def test_each_layer_yields_to_the_one_above(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default < file < environment < flag, for one and the same setting."""
    assert load({}).settings.timeout == 110
    (elsewhere / "importer.toml").write_text("[run]\ntimeout = 20\nrate = 7\n")
    assert load({}).settings.timeout == 20
    monkeypatch.setenv("IMPORTER_TIMEOUT", "30")
    assert load({}).settings.timeout == 30
    loaded = load({"timeout": "40"})
    assert loaded.settings.timeout == 40
    assert loaded.settings.rate == 7
    assert loaded.origins == {"timeout": "--timeout", "rate": "importer.toml:3: [run] rate"}


def test_every_flag_is_a_setting_under_its_mechanical_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags and fields are the same set, and each flag can be given by its environment name."""
    fields = set(Settings.model_fields) - {"token", "client_id", "client_secret", "refresh_token", "hook_secret"}
    assert {flag.field for flag in IN_FILE.values()} == fields
    values = {"ledger": "here", "json": "true", "rate": "9", "key": "Id, Name", "duplicates": "create"}
    for name, value in values.items():
        monkeypatch.setenv(IN_FILE[name].variable, value)
    settings = load({}).settings
    assert (settings.ledger, settings.json_output, settings.rate) == (Path("here"), True, 9)
    assert settings.key == ("Id", "Name")
    assert settings.duplicates == "create"


def test_a_switch_can_be_switched_off_again(elsewhere: Path) -> None:
    """A flag's --no- form beats the file."""
    (elsewhere / "importer.toml").write_text("[run]\nyes = true\n")
    assert load({}).settings.yes
    assert not load({"yes": False}).settings.yes


def test_lists_take_commas_and_repetitions() -> None:
    """Names may be repeated options, separated by commas, or both."""
    assert load({"key": ["Id,Name", "Type"]}).settings.key == ("Id", "Name", "Type")


def test_a_file_that_was_named_must_be_there() -> None:
    """--config of a missing file is refused, while a missing importer.toml is nothing."""
    assert "cannot be read" in refusal({"config": "missing.toml"}).message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[run]\nraet = 3\n", 'has no setting "raet" (did you mean "rate"?)'),
        ("[runn]\n", 'no table or key "runn"'),
        ("run = 3\n", "run must be a table"),
        ("[run]\ntoken = 'x'\n", "token must not stand in a configuration file"),
        ("[run\n", "not TOML"),
        ("[run]\nrate = 'many'\n", "importer.toml:2: [run] rate must be a whole number, not 'many'"),
        ("[run]\nyes = 'perhaps'\n", "[run] yes must be true or false"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(elsewhere: Path, content: str, says: str) -> None:
    """Unknown keys, with near miss, and wrong values are refused, and the message names the file."""
    (elsewhere / "importer.toml").write_text(content)
    error = refusal({})
    assert says in error.message
    assert error.message.startswith("importer.toml")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"rate": "abc"}, "--rate must be a whole number, not 'abc'"),
        ({"rate": "0"}, "--rate must be greater than or equal to 1, not '0'"),
        ({"timeout": "nan"}, "--timeout must be a time such as 90s, 30m, 2h or 1h30m, not 'nan'"),
        ({"settle": "9999d"}, "--settle must be more than nothing and at most a year, not '9999d'"),
        ({"duplicates": "skp"}, "--duplicates must be one of skip, create, not 'skp' (did you mean \"skip\"?)"),
        ({"api_version": "v4"}, "--api-version must be one of v3, 2026-03, 2026-09"),
    ],
)
def test_a_wrong_value_is_said_with_option_and_near_miss(flags: dict[str, Any], says: str) -> None:
    """What is wrong is one sentence about the option as it was typed."""
    assert says in refusal(flags).message


def test_a_wrong_variable_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the environment variable, not the option, when that is where the value stands."""
    monkeypatch.setenv("IMPORTER_WORKERS", "lots")
    assert refusal({}).message == "IMPORTER_WORKERS must be a whole number, not 'lots'"


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """IMPORTER_… that is no setting is told, with its near miss, but does not stop the run."""
    monkeypatch.setenv("IMPORTER_RAET", "3")
    assert load({}).notices == ('IMPORTER_RAET is no setting and is not used (did you mean "IMPORTER_RATE"?)',)


def test_the_token_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither repr nor the list of settings holds the token."""
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "very-secret-token")
    loaded = load({})
    assert loaded.settings.token is not None
    assert loaded.settings.token.get_secret_value() == "very-secret-token"
    assert "very-secret" not in repr(loaded)
    assert "very-secret" not in text(loaded)
    assert "token in the environment is set" in text(loaded)


def test_the_default_file_is_what_the_code_says() -> None:
    """config/default.toml is generated from the code, and read back it changes nothing."""
    assert (CONFIG / "default.toml").read_text(encoding="utf-8") == default_file()
    assert load({"config": str(CONFIG / "default.toml")}).settings.model_dump() == load({}).settings.model_dump()
    named = {line.lstrip("# ").split(" =")[0] for line in default_file().splitlines() if " =" in line}
    assert named == set(IN_FILE)


def test_the_example_is_a_valid_file() -> None:
    """config/example.toml can be used as it stands."""
    assert load({"config": str(CONFIG / "example.toml")}).settings.rate == 50
    assert set(tomllib.loads((CONFIG / "example.toml").read_text())["run"]) <= set(IN_FILE)


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.default and flag.default[0].isdigit()])
def test_the_defaults_in_the_help_are_those_of_the_code(flag: Any) -> None:
    """What --help shows in brackets is the field's default."""
    assert float(flag.default) == float(getattr(DEFAULTS, flag.field))


def test_choices_in_the_help_are_those_of_the_code() -> None:
    """The alternatives in a metavar are exactly the permitted values, and the default is one of them."""
    for flag in FLAGS:
        if flag.choices and flag.kind == "value" and flag.name not in {"mapping", "as"}:
            for choice in flag.choices:
                load({flag.name: choice})
            refusal({flag.name: "no such choice"})
            assert getattr(DEFAULTS, flag.field) in flag.choices


def test_the_defaults_are_those_of_the_stations() -> None:
    """A setting left alone gives the policy that its station has by default."""
    plan_fields = {item: Plan.__dataclass_fields__[item].default for item in ("grace_s", "workers", "dry_run")}
    assert plan_fields["workers"] == DEFAULTS.workers
    assert plan_fields["grace_s"] == DEFAULTS.grace
    assert SettlePolicy().settle_s == DEFAULTS.settle
    assert SettlePolicy().settle_max_s == DEFAULTS.settle_max
    assert SettlePolicy().timeout_s == TransportPolicy().timeout_s == DEFAULTS.timeout
    assert WaitPolicy().wait_max_s == DEFAULTS.max_wait
    assert OutagePolicy().outage_max_s == DEFAULTS.max_outage
    assert ReadPolicy().row_bytes_max == DEFAULTS.max_row_bytes
    assert ReadPolicy().encoding == DEFAULTS.encoding
    policy = AdmissionPolicy()
    for name in ("duplicates", "same_name", "retry_failed", "list_skipped", "accept_new_identities", "limit"):
        assert getattr(policy, name) == getattr(DEFAULTS, name)
