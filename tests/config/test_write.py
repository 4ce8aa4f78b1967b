"""`render_config` and `create_private`: a commented file that says what was given, and a file for one's own eyes."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest

from tsrevel.config import SETTINGS
from tsrevel.config.render import ALWAYS_SAID, ConfigTable, read_template, render_config
from tsrevel.config.settings import SECRETS
from tsrevel.config.value_types import ValueKind
from tsrevel.errors import ConfigCode, ConfigError
from tsrevel.files import create_private

from .bench import SOUND, Bench

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
GIVEN = {f"{section}.{key}": value for section, keys in SOUND.items() for key, value in keys.items()}
ENTRY = {"name": "Bakery", "tripleseat_location": 30501, "revel_establishment": 8}


def test_the_template_is_the_example_that_comes_with_the_source() -> None:
    assert read_template() == EXAMPLE.read_text(encoding="utf-8")


def test_a_file_of_what_was_given_loads(bench: Bench) -> None:
    settings = bench.load_text(render_config(GIVEN, [ConfigTable({"match": "Tax", "as": "tax"})], [ConfigTable(ENTRY)]))
    assert settings.revel.domain == "acme"
    assert settings.locations[0].user == 12
    assert settings.charges[0].treat_as == "tax"
    assert settings.safety.dry_run


def test_what_was_not_given_stands_there_commented_out_with_its_default() -> None:
    text = render_config(GIVEN)
    document = tomllib.loads(text)
    told = {key for key, kind in SETTINGS.items() if kind is not ValueKind.TABLES}
    for key in told:
        section, _, name = key.rpartition(".")
        said = name in (document.get(section, {}) if section else document)
        assert said == (key in GIVEN or key in ALWAYS_SAID), key
    commented = "\n".join(line.removeprefix("# ") for line in text.splitlines())
    for key in told:
        assert re.search(rf"^{key.rpartition('.')[2]} = ", commented, re.MULTILINE), key


def test_no_invented_value_of_the_example_gets_into_a_file() -> None:
    live = [line for line in render_config({}).splitlines() if not line.startswith("#")]
    assert not any("replace-me" in line or 'acme"' in line or "example-client" in line for line in live)
    assert tomllib.loads(render_config({})).get("locations") is None


def test_every_setting_keeps_its_comment() -> None:
    text = render_config(GIVEN)
    comments = re.findall(
        r"(?<=  )# [a-zA-Z\"].+", read_template().partition("[[charges]]")[0].partition("[safety]")[2]
    )
    assert comments
    assert [each for each in comments if each not in text] == []


@pytest.mark.parametrize("key", [key for key in SECRETS if SETTINGS[key] is ValueKind.SECRET])
def test_a_secret_may_be_told_by_its_file_or_command(key: str) -> None:
    section, _, name = key.partition(".")
    for way in ("_file", "_command"):
        document = tomllib.loads(render_config({key + way: "somewhere else"}))
        assert document[section] == {name + way: "somewhere else"}


def test_values_that_need_quoting_come_back_as_they_were(bench: Bench) -> None:
    odd = 'a"b\\c#d \x7f é 漢 \t'
    settings = bench.load_text(
        render_config({**GIVEN, "tripleseat.order_document": odd}, [], [ConfigTable({**ENTRY, "name": odd})])
    )
    assert settings.tripleseat.order_document == odd
    assert settings.locations[0].name == odd


def test_an_entry_that_is_not_live_is_left_to_a_person(bench: Bench) -> None:
    text = render_config(GIVEN, [], [ConfigTable(ENTRY, ("station: which\nof\x1b two?",), live=False)])
    assert '# station: which of two?\n# [[locations]]\n# name = "Bakery"\n' in text
    assert bench.load_text(text).locations == ()


def test_a_private_file_and_its_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_private(tmp_path / "a" / "b" / "config.toml", "x = 1\n")
    finally:
        os.umask(before)
    path = tmp_path / "a" / "b" / "config.toml"
    assert path.read_text() == "x = 1\n"
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("kind", ["file", "link to nowhere", "folder"])
def test_nothing_that_is_there_is_overwritten(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError) as caught:
        create_private(path, "x = 1\n")
    assert [problem.code for problem in caught.value.problems] == [ConfigCode.FILE_EXISTS]
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]


def test_a_folder_that_cannot_be_written_to_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        create_private(tmp_path / "file" / "config.toml", "x = 1\n")
    assert [problem.code for problem in caught.value.problems] == [ConfigCode.FILE_UNWRITABLE]
