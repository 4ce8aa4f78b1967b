"""Secrets: three ways in, and no way out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsrevel.config import CommandFailure, CommandResult, Settings, load_settings, run_command
from tsrevel.config.problems import Origin, Source
from tsrevel.config.render import list_values
from tsrevel.config.settings import SECRETS
from tsrevel.errors import ConfigCode, ConfigError

from .bench import SOUND, Bench, sound

MARKER = "PlantedMarker7f3a"


def reveal(loaded: Settings, key: str) -> list[str]:
    section, _, name = key.partition(".")
    value = getattr(getattr(loaded, section), name)
    return [item.get_secret_value() for item in (value if isinstance(value, tuple) else (value,))]


def with_secret(key: str, way: str, value: object) -> dict[str, dict[str, object]]:
    section, _, name = key.partition(".")
    return {section: {name: None, name + way: value}}


def secret_text(key: str) -> str:
    return f"https://ping.example.com/{MARKER}" if key == "monitor.ping_url" else MARKER


@pytest.mark.parametrize("key", SECRETS)
def test_every_secret_can_lie_in_a_file(bench: Bench, key: str) -> None:
    bench.write(f"\n  {secret_text(key)}  \n\n", "secrets/it")
    loaded = bench.load(with_secret(key, "_file", "secrets/it"))
    assert reveal(loaded, key) == [secret_text(key)]
    assert loaded.origin(key) == Origin(Source.FILE, "config.toml")


@pytest.mark.parametrize("key", SECRETS)
def test_every_secret_can_be_printed_by_a_command_that_runs_once(bench: Bench, key: str) -> None:
    seen: list[list[str]] = []

    def run(words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
        seen.append(list(words))
        return CommandResult(output=secret_text(key))

    loaded = bench.load(with_secret(key, "_command", "pass show 'my key'"), run=run)
    assert reveal(loaded, key) == [secret_text(key)]
    assert seen == [["pass", "show", "my key"]]


@pytest.mark.parametrize("key", SECRETS)
def test_every_secret_can_come_from_the_environment(bench: Bench, key: str) -> None:
    name = "TSREVEL_" + key.replace(".", "__").upper()
    bench.write(secret_text(key), "secrets/it")
    assert reveal(bench.load(env={name: secret_text(key)}), key) == [secret_text(key)]
    loaded = bench.load(env={f"{name}_FILE": "secrets/it"})
    assert reveal(loaded, key) == [secret_text(key)]
    assert loaded.origin(key) == Origin(Source.ENVIRONMENT, f"{name}_FILE")


@pytest.mark.parametrize(
    "text", ["old-key\n\nnew-key\n", "old-key,new-key\n", " old-key , new-key,\n", "old-key,\r\nnew-key"]
)
def test_a_list_of_secrets_has_one_a_line_or_commas_between_them(bench: Bench, text: str) -> None:
    key = "tripleseat.webhook_signing_keys"
    bench.write(text, "keys")
    assert reveal(bench.load(with_secret(key, "_file", "keys")), key) == ["old-key", "new-key"]
    loaded = bench.load(with_secret(key, "_command", "show keys"), run=lambda *_: CommandResult(text))
    assert reveal(loaded, key) == ["old-key", "new-key"]


def test_a_file_of_only_commas_holds_no_secret(bench: Bench) -> None:
    bench.write(" , \n,", "keys")
    problem = bench.problem(with_secret("tripleseat.webhook_signing_keys", "_file", "keys"))
    assert problem.code is ConfigCode.EMPTY


def test_a_comma_in_a_secret_that_is_no_list_is_a_part_of_it(bench: Bench) -> None:
    bench.write("one,two\n", "key")
    assert reveal(bench.load(with_secret("revel.api_key", "_file", "key")), "revel.api_key") == ["one,two"]


def test_a_signing_key_with_a_comma_can_stand_in_the_list_of_the_settings(bench: Bench) -> None:
    loaded = bench.load({"tripleseat": {"webhook_signing_keys": ["one,two"]}})
    assert reveal(loaded, "tripleseat.webhook_signing_keys") == ["one,two"]


def test_a_single_secret_is_the_first_line(bench: Bench) -> None:
    bench.write("the-key\nrotated in March\n", "key")
    assert reveal(bench.load(with_secret("revel.api_key", "_file", "key")), "revel.api_key") == ["the-key"]


def test_a_later_source_gives_a_secret_in_any_way_and_the_command_of_the_earlier_never_runs(bench: Bench) -> None:
    loaded = bench.load(with_secret("revel.api_key", "_command", "not run"), env={"REVEL_API_KEY": "from-env"})
    assert reveal(loaded, "revel.api_key") == ["from-env"]


def test_an_empty_secret_beside_its_file_counts_as_not_given(bench: Bench) -> None:
    bench.write("the-key", "key")
    assert reveal(bench.load({"revel": {"api_key": "", "api_key_file": "key"}}), "revel.api_key") == ["the-key"]


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("bin/get key", "{folder}/bin/get"),
        ("~/bin/get key", "{home}/bin/get"),
        ("/bin/get key", "/bin/get"),
        ("get key", "get"),
    ],
)
def test_a_command_is_the_same_wherever_a_run_starts(bench: Bench, command: str, program: str) -> None:
    """Cron starts in the user's home: there, a path from the settings file's folder on would name nothing."""
    ran: list[list[str]] = []

    def run(words: Sequence[str], _environ: object) -> CommandResult:
        ran.append(list(words))
        return CommandResult("the-key")

    settings = bench.load(with_secret("revel.api_key", "_command", command) | {"hooks": {"on_held": command}}, run=run)
    whole = program.format(folder=bench.folder, home=bench.environ["HOME"])
    assert (ran, settings.hooks.on_held) == ([[whole, "key"]], f"{whole} key")


def test_a_command_with_a_variable_in_its_path_is_a_problem(bench: Bench) -> None:
    for changes in (with_secret("revel.api_key", "_command", "$HOME/get"), {"hooks": {"on_held": "$HOME/get"}}):
        assert bench.problem(changes).code is ConfigCode.MALFORMED_PATH


def test_what_is_shown_instead_of_a_secret_is_none(bench: Bench) -> None:
    for changes in ({"revel": {"api_key": "(set)"}}, {"email": {"api_key": "(set)"}}):
        assert bench.problem(changes).code is ConfigCode.PLACEHOLDER
    assert bench.problem({"tripleseat": {"webhook_signing_keys": ["(set)"]}}).code is ConfigCode.PLACEHOLDER


def test_a_secret_given_twice_in_one_source_is_a_problem(bench: Bench) -> None:
    problem = bench.problem({"revel": {"api_key": MARKER, "api_key_file": MARKER}})
    assert problem.key == "revel.api_key"
    assert problem.code == ConfigCode.GIVEN_TWICE
    problem = bench.problem(env={"REVEL_API_KEY": MARKER, "TSREVEL_REVEL__API_KEY_COMMAND": MARKER})
    assert problem.code == ConfigCode.GIVEN_TWICE


def test_a_secret_file_that_is_missing_unreadable_or_empty_is_a_problem(bench: Bench) -> None:
    bench.write(" \n", "empty")
    (bench.folder / "folder").mkdir()
    (bench.folder / "latin").write_bytes(b"\xff\xfe")
    codes = {
        "absent": ConfigCode.FILE_NOT_FOUND,
        "empty": ConfigCode.EMPTY,
        "folder": ConfigCode.FILE_UNREADABLE,
        "latin": ConfigCode.FILE_NOT_TEXT,
    }
    for name, code in codes.items():
        problem = bench.problem(with_secret("revel.api_key", "_file", name))
        assert (problem.key, problem.code) == ("revel.api_key_file", code)


def test_a_secret_file_of_the_wrong_type_is_a_problem(bench: Bench) -> None:
    assert bench.problem(with_secret("revel.api_key", "_file", 5)).code == ConfigCode.WRONG_TYPE


def test_a_command_that_fails_is_a_problem(bench: Bench) -> None:
    problem = bench.problem(with_secret("revel.api_key", "_command", "vault read"))
    assert (problem.key, problem.code) == ("revel.api_key_command", ConfigCode.COMMAND_FAILED)
    assert bench.problem(with_secret("revel.api_key", "_command", "'open")).code is ConfigCode.MALFORMED_COMMAND
    assert bench.problem(with_secret("revel.api_key", "_command", "#")).code is ConfigCode.COMMAND_FAILED
    assert bench.problem(with_secret("revel.api_key", "_command", " ")).code == ConfigCode.EMPTY


def test_a_command_that_prints_nothing_is_a_problem(bench: Bench) -> None:
    problem = bench.problem(with_secret("revel.api_key", "_command", "true"), run=lambda *_: CommandResult())
    assert problem.code == ConfigCode.EMPTY


def exit_status(number: int) -> CommandResult:
    return CommandResult(failure=CommandFailure.EXIT_STATUS, text=f"failed with status {number}")


def python(code: str) -> CommandResult:
    return run_command([sys.executable, "-c", code], {"PLANTED": MARKER})


def test_a_real_command_runs_with_the_given_environment_and_no_input() -> None:
    assert python("import os; print(os.environ['PLANTED'])").output == MARKER
    assert python("import sys; print(len(sys.stdin.read()))").output == "0"


def test_a_real_command_that_goes_wrong_tells_how_but_not_what_it_printed() -> None:
    assert python(f"print('{MARKER}'); raise SystemExit(3)") == exit_status(3)
    assert python(r"import sys; sys.stdout.buffer.write(b'\xff')").failure is CommandFailure.NOT_TEXT
    assert python(r"import sys; sys.stdout.buffer.write(b'key\0')").failure is CommandFailure.NOT_TEXT
    assert python(r"print('k' * 60000); input(); import time; time.sleep(30)") == exit_status(1)
    assert python(r"import os; os.kill(os.getpid(), 9)").failure is CommandFailure.SIGNALLED
    assert run_command(["/no/such/program"], {}).failure is CommandFailure.NOT_FOUND
    assert run_command(["/"], {}).failure is CommandFailure.NOT_STARTED
    assert MARKER not in repr(CommandResult(output=MARKER))


def test_a_real_command_is_given_up_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsrevel.config.secret_values.COMMAND_SECONDS", 0.2)
    assert python("import time; time.sleep(30)").failure is CommandFailure.TIMED_OUT


def test_a_command_that_prints_without_end_is_given_up() -> None:
    assert run_command(["yes"], {"PATH": "/usr/bin:/bin"}).failure is CommandFailure.TOO_LONG


def test_a_child_that_a_command_leaves_behind_is_not_waited_for() -> None:
    began = time.monotonic()
    done = run_command(["sh", "-c", "sleep 30 & echo the-key"], {"PATH": "/usr/bin:/bin"})
    assert (done.output, done.failure) == ("the-key", None)
    assert time.monotonic() - began < 5


def test_a_command_that_prints_much_is_read_while_it_runs() -> None:
    assert python("print('k' * 65000)").output == "k" * 65000


BLANKS = ["{} ", " {}", "\t{}\r\n", "\n{}\n", "\ufeff{}", "\u00a0{}\u200b", " \ufeff {}"]


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("around", BLANKS)
def test_what_surrounds_a_secret_unseen_is_no_part_of_it(bench: Bench, key: str, around: str) -> None:
    secret, text = secret_text(key), around.format(secret_text(key))
    section, _, name = key.partition(".")
    in_file = [text] if key.endswith("_keys") else text
    assert reveal(bench.load({section: {name: in_file}}), key) == [secret]
    assert reveal(bench.load(env={f"TSREVEL_{section.upper()}__{name.upper()}": text}), key) == [secret]
    (bench.folder / "it").write_bytes(text.encode())
    assert reveal(bench.load(with_secret(key, "_file", "it")), key) == [secret]
    loaded = bench.load(with_secret(key, "_command", "show it"), run=lambda *_: CommandResult(output=text))
    assert reveal(loaded, key) == [secret]


def test_a_blank_secret_is_no_secret(bench: Bench) -> None:
    assert bench.problem({"revel": {"api_key": " \ufeff\n"}}).code == ConfigCode.NOT_SET
    bench.write("the-key", "key")
    assert reveal(bench.load({"revel": {"api_key": " ", "api_key_file": "key"}}), "revel.api_key") == ["the-key"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_secret_file_in_utf_16_is_told_as_such(bench: Bench, encoding: str) -> None:
    (bench.folder / "wide").write_bytes(MARKER.encode(encoding))
    problem = bench.problem(with_secret("revel.api_key", "_file", "wide"))
    assert problem.code == ConfigCode.FILE_NOT_TEXT


@pytest.mark.parametrize("key", ["revel.api_key", "revel.api_secret", "email.api_key", "tripleseat.public_key"])
@pytest.mark.parametrize("inside", ["é", "\x07", "\n", "\u2026"])
def test_a_key_that_no_request_can_carry_is_told_before_any_is_sent(bench: Bench, key: str, inside: str) -> None:
    section, _, name = key.partition(".")
    problem = bench.problem({section: {name: f"Planted{inside}Marker"}})
    assert (problem.key, problem.code) == (key, ConfigCode.MALFORMED_SECRET)
    assert "Planted" not in str(problem)


def test_a_secret_that_is_no_header_stays_on_one_line_too(bench: Bench) -> None:
    problem = bench.problem({"tripleseat": {"client_secret": "one\ntwo"}})
    assert problem.code == ConfigCode.MALFORMED_SECRET


def test_a_byte_of_the_environment_that_is_no_utf_8_is_told(bench: Bench) -> None:
    torn = b"PlantedMarker\xff".decode("utf-8", "surrogateescape")
    for name in ("REVEL_API_KEY", "TSREVEL_TRIPLESEAT__CLIENT_SECRET", "TSREVEL_TRIPLESEAT__CLIENT_ID"):
        problem = bench.problem(env={name: torn})
        assert (problem.origin, problem.code) == (f"environment {name}", ConfigCode.NOT_TEXT)
        assert "Planted" not in str(problem)


def test_a_signing_key_may_be_any_bytes(bench: Bench) -> None:
    torn = b"key\xff".decode("utf-8", "surrogateescape")
    loaded = bench.load(env={"TRIPLESEAT_WEBHOOK_SIGNING_KEY": f" {torn} "})
    assert reveal(loaded, "tripleseat.webhook_signing_keys") == [torn]


def test_a_client_id_is_pasted_with_blanks_as_well(bench: Bench) -> None:
    assert bench.load({"tripleseat": {"client_id": " example-client\n"}}).tripleseat.client_id == "example-client"


def test_an_empty_signing_key_is_a_problem_not_a_key(bench: Bench) -> None:
    problem = bench.problem({"tripleseat": {"webhook_signing_keys": [MARKER, " "]}})
    assert (problem.key, problem.code) == ("tripleseat.webhook_signing_keys", ConfigCode.EMPTY)


def everywhere() -> dict[str, dict[str, object]]:
    """A sound config with the marker in every secret."""
    changes: dict[str, dict[str, object]] = {}
    for key in SECRETS:
        section, _, name = key.partition(".")
        text: object = [secret_text(key)] if name == "webhook_signing_keys" else secret_text(key)
        changes.setdefault(section, {})[name] = text
    return sound(changes)


def test_no_secret_shows_in_the_settings(bench: Bench) -> None:
    loaded = bench.load_text(tomli_w.dumps(everywhere()))
    assert all(MARKER in reveal(loaded, key)[0] for key in SECRETS)
    rows = list_values(loaded)
    for shown in (repr(loaded), str(loaded), repr(rows), loaded.model_dump_json()):
        assert MARKER not in shown
    secrets = {each.key: each.value for each in rows if each.key in SECRETS}
    assert secrets == {key: ["(set)"] if key.endswith("_keys") else "(set)" for key in SECRETS}


def shown(error: ConfigError) -> str:
    return f"{error}{error!r}{error.problems!r}{error.__cause__!r}"


BROKEN = [
    "[revel",
    f'[revel]\napi_key = "{MARKER}',
    f'[revel]\napi_key = "{MARKER}\\q"',
    f'[revel]\napi_key = "{MARKER}"\napi_key = "{MARKER}"',
    f"[revel]\napi_key = {MARKER}",
    f'revel = "{MARKER}"',
    f'api_key = "{MARKER}"',
    f'[revel]\napi_kee = "{MARKER}"',
    f'[revel]\nuser = "{MARKER}"\nbase_url = "{MARKER}"\ndomain = "http://{MARKER}.example/x"',
    f'[tripleseat]\nauth = "{MARKER}"\nbase_url = "https://user:{MARKER}@api.example"',
    f'[email]\nsender = "{MARKER}"\nrecipients = ["{MARKER}"]\non = ["{MARKER}"]',
    f'[monitor]\nping_url = "http://ping.example/{MARKER}"',
    f'[revel]\napi_key_file = "{MARKER}"\napi_secret_command = "{MARKER} {MARKER}"',
    f'[safety]\nmax_order_total = "{MARKER}"\nallowed_locations = ["{MARKER}"]',
    f'[orders]\nlocal_id = "{MARKER}"\n[time_gate]\nopens_at = "{MARKER}"',
    f'timezone = "{MARKER}"\nenvironment = "{MARKER}"',
    f'[[charges]]\nmatch = "Tax"\nas = "{MARKER}"\n[[locations]]\nname = "A"\nuser = "{MARKER}"',
    f'environment = "sandbox"\n[monitor]\nping_url = "https://ping.example/{MARKER}"',
]


@pytest.mark.parametrize("text", BROKEN)
def test_no_value_of_a_broken_file_shows_in_its_problems(bench: Bench, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bench.load_text(text)
    assert MARKER not in shown(caught.value)


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("value", [5, {"inner": MARKER}, [[MARKER]]])
def test_a_secret_of_the_wrong_type_is_a_problem_that_shows_nothing(bench: Bench, key: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        bench.load(with_secret(key, "", value))
    assert key in {problem.key for problem in caught.value.problems}
    assert MARKER not in shown(caught.value)


def test_contradicting_secrets_show_nothing(bench: Bench) -> None:
    env = {
        "REVEL_API_KEY": MARKER,
        "TSREVEL_REVEL__API_KEY": f"{MARKER}2",
        "DRY_RUN": MARKER,
        "TRIPLESEAT_SITE_ID": MARKER,
    }
    with pytest.raises(ConfigError) as caught:
        bench.load(env=env)
    assert MARKER not in shown(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    leaf=st.sampled_from(["api_key", "api_secret", "user", "domain", "base_url", "requests_per_second", "new"]),
    nested=st.booleans(),
)
def test_whatever_key_a_secret_is_pasted_into_it_is_not_shown(bench: Bench, leaf: str, nested: bool) -> None:
    value: object = {"x": MARKER} if nested else f"{MARKER} pasted"
    text = tomli_w.dumps({**SOUND, "revel": {**SOUND["revel"], leaf: value}})
    if leaf in {"api_key", "api_secret"} and not nested:
        assert MARKER not in repr(bench.load_text(text))
        return
    with pytest.raises(ConfigError) as caught:
        bench.load_text(text)
    assert MARKER not in shown(caught.value)


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("way", ["_file", "_command"])
def test_offline_no_secret_is_opened_and_its_origin_is_still_known(bench: Bench, key: str, way: str) -> None:
    loaded = bench.load(with_secret(key, way, "gone"), offline=True)
    assert [each for each in reveal(loaded, key) if each] == []
    assert (loaded.origin(key), loaded.way(key)) == (Origin(Source.FILE, "config.toml"), key + way)
    assert loaded.gives(key)


@pytest.mark.parametrize("key", SECRETS)
def test_offline_the_one_secret_that_a_command_needs_is_opened(bench: Bench, key: str) -> None:
    other = "revel.api_secret" if key == "revel.api_key" else "revel.api_key"
    bench.write(secret_text(key), "it")
    changes = {**with_secret(other, "_file", "gone")}
    for section, values in with_secret(key, "_file", "it").items():
        changes[section] = {**changes.get(section, {}), **values}
    loaded = load_settings(
        config=bench.write(tomli_w.dumps(sound(changes))), environ=bench.environ, offline=True, secrets=[key]
    )
    assert (reveal(loaded, key), reveal(loaded, other)) == ([secret_text(key)], [""])


def test_a_secret_that_nothing_gives_is_not_given(bench: Bench) -> None:
    loaded = bench.load(offline=True)
    assert not loaded.gives("monitor.ping_url")
    assert loaded.gives("revel.api_key")
