"""mappings.toml, changed in place: whatever else stands in it stays."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.config.mappings import MappingKey, load_mappings, set_mapping, unset_mapping
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem

CAKE = MappingKey(8, "Ube Celebration Cake")
WRITTEN = """\
# Ours, kept by Ann.

# the urn is small
[[product]]
product = 8107   # see the price list
establishment = 8
name = "Café Urn"

[[product]] # by item
establishment = "8"
# Ann: ask first
menu_item_id = 120001
"product" = "8101" # boxed

# the last
[[product]]
establishment = 9
name = "Ube Celebration Cake"
product = 9107
"""


HIDDEN = """\
[[product]]
establishment = 8
name = '''
[[product]]
product = 1
'''
product = 1
[[product]]
establishment = 8
name = "Ube Celebration Cake"
product = 2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mappings.toml"


@pytest.fixture
def written(path: Path) -> Path:
    path.write_text(WRITTEN, encoding="utf-8")
    path.chmod(0o644)
    return path


def told(path: Path) -> list[tuple[int, str | int | None, int]]:
    return [(each.establishment, each.name or each.menu_item_id, each.product) for each in load_mappings(path)]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refuse(path: Path) -> ConfigError:
    """A change must be refused, the file as it was and nothing beside it."""
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(ConfigError) as caught:
        set_mapping(path, CAKE, 8107)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, beside)
    return caught.value


def refused(path: Path, code: ConfigCode) -> ConfigProblem:
    """The only problem of a refused change, which has this code."""
    (problem,) = refuse(path).problems
    assert problem.code is code
    return problem


def test_the_first_mapping_makes_the_file(path: Path) -> None:
    assert set_mapping(path, CAKE, 8107) == ()
    assert path.read_text() == '[[product]]\nestablishment = 8\nname = "Ube Celebration Cake"\nproduct = 8107\n'
    assert mode(path) == 0o600


def test_a_byte_order_mark_keeps_nobody_from_changing_the_file(path: Path) -> None:
    path.write_text("\ufeff" + WRITTEN, encoding="utf-8")
    assert [each.product for each in set_mapping(path, CAKE, 8107)] == []
    assert (8, "Ube Celebration Cake", 8107) in told(path)


def test_a_file_in_utf_16_is_told_as_such(path: Path) -> None:
    path.write_text(WRITTEN, encoding="utf-16")
    assert "it holds UTF-16 text" in refused(path, ConfigCode.FILE_NOT_TEXT).message


def test_the_folder_is_made_too(tmp_path: Path) -> None:
    set_mapping(tmp_path / "new" / "mappings.toml", CAKE, 8107)
    assert mode(tmp_path / "new") == 0o700


def test_a_new_file_can_be_read_by_whoever_reads_the_settings(path: Path) -> None:
    config = path.with_name("config.toml")
    config.touch()
    config.chmod(0o640)
    set_mapping(path, CAKE, 8107, like=config)
    assert mode(path) == 0o640


def test_a_further_mapping_stands_behind_all_others(written: Path) -> None:
    set_mapping(written, CAKE, 8107)
    added = '\n[[product]]\nestablishment = 8\nname = "Ube Celebration Cake"\nproduct = 8107\n'
    assert written.read_text() == WRITTEN + added


def test_a_file_that_doesn_t_end_its_last_line_is_no_trouble(path: Path) -> None:
    path.write_text('[[product]]\nestablishment = 8\nname = "Urn"\nproduct = 1')
    set_mapping(path, CAKE, 8107)
    assert told(path) == [(8, "Urn", 1), (8, "Ube Celebration Cake", 8107)]


@pytest.mark.parametrize(
    ("subject", "old", "new"),
    [
        (MappingKey(8, "CAFÉ  urn"), "product = 8107   #", "product = 8110   #"),
        (MappingKey(8, menu_item_id=120001), '"product" = "8101" #', '"product" = 8110 #'),
        (MappingKey(9, "Ube celebration cake"), "product = 9107\n", "product = 8110\n"),
    ],
)
def test_a_change_changes_one_value(written: Path, subject: MappingKey, old: str, new: str) -> None:
    assert [each.product for each in set_mapping(written, subject, 8110)] != [8110]
    assert written.read_text(encoding="utf-8") == WRITTEN.replace(old, new)


def test_setting_what_is_set_changes_nothing(written: Path) -> None:
    set_mapping(written, MappingKey(8, "Café Urn"), 8107)
    assert written.read_text(encoding="utf-8") == WRITTEN


def test_what_is_taken_out_leaves_every_comment_of_its_own_line(written: Path) -> None:
    (gone,) = unset_mapping(written, MappingKey(8, menu_item_id=120001))
    assert gone.product == 8101
    left = written.read_text(encoding="utf-8")
    assert told(written) == [(8, "Café Urn", 8107), (9, "Ube Celebration Cake", 9107)]
    for comment in (
        "# Ours, kept by Ann.",
        "# the urn is small",
        "# Ann: ask first",
        "# the last",
        "# see the price list",
    ):
        assert comment in left
    for first in (MappingKey(8, "Café Urn"), MappingKey(9, "Ube Celebration Cake")):
        unset_mapping(written, first)
    assert told(written) == []


def test_what_is_written_and_taken_out_again_leaves_the_file_as_it_was(written: Path) -> None:
    set_mapping(written, CAKE, 8107)
    unset_mapping(written, CAKE)
    assert written.read_text(encoding="utf-8").rstrip("\n") == WRITTEN.rstrip("\n")


def test_taking_out_what_isn_t_there_changes_nothing(written: Path, tmp_path: Path) -> None:
    assert unset_mapping(written, CAKE) == ()
    assert unset_mapping(tmp_path / "none.toml", CAKE) == ()
    assert written.read_text(encoding="utf-8") == WRITTEN


@pytest.mark.parametrize("bits", [0o600, 0o644, 0o440])
def test_the_mode_stays(written: Path, bits: int) -> None:
    written.chmod(bits)
    set_mapping(written, CAKE, 8107)
    assert mode(written) == bits


def test_the_owner_stays(written: Path) -> None:
    """Root may change what the user that cron runs as must be able to read."""
    owner = 4711 if os.geteuid() == 0 else os.geteuid()
    os.chown(written, owner, -1)
    set_mapping(written, CAKE, 8107)
    assert (written.stat().st_uid, mode(written)) == (owner, 0o644)


def test_the_group_stays(written: Path) -> None:
    group = 4711 if os.geteuid() == 0 else os.getegid()
    os.chown(written, -1, group)
    set_mapping(written, CAKE, 8107)
    assert written.stat().st_gid == group


def test_a_link_stays_a_link(written: Path, tmp_path: Path) -> None:
    link = tmp_path / "etc" / "mappings.toml"
    link.parent.mkdir()
    link.symlink_to(written)
    set_mapping(link, CAKE, 8107)
    assert link.is_symlink()
    assert (8, "Ube Celebration Cake", 8107) in told(written)


def test_line_ends_stay(path: Path) -> None:
    path.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    set_mapping(path, CAKE, 8107)
    set_mapping(path, MappingKey(9, "Ube Celebration Cake"), 9110)
    unset_mapping(path, MappingKey(8, "Café Urn"))
    content = path.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") > 10


@pytest.mark.parametrize(
    "name", ['He said "cake"', "back\\slash", "# no comment", "[[product]]", "x\u2028y = 1", "宴会"]
)
def test_any_name_comes_back_as_it_was_given(path: Path, name: str) -> None:
    set_mapping(path, MappingKey(8, name), 1)
    set_mapping(path, CAKE, 2)
    set_mapping(path, MappingKey(8, name), 3)
    assert told(path) == [(8, name, 3), (8, "Ube Celebration Cake", 2)]
    unset_mapping(path, MappingKey(8, name))
    assert told(path) == [(8, "Ube Celebration Cake", 2)]


def test_names_that_planning_takes_for_one_are_changed_together(path: Path) -> None:
    path.write_text("".join(f'[[product]]\nestablishment = 8\nname = "Chef{q}s"\nproduct = 1\n' for q in "'’"))
    set_mapping(path, MappingKey(8, "chef's"), 2)
    assert [product for _, _, product in told(path)] == [2, 2]
    assert len(unset_mapping(path, MappingKey(8, "Chef’s"))) == 2
    assert path.read_text() == ""


@pytest.mark.parametrize(
    "text",
    [
        'product = [{ establishment = 8, name = "Ube Celebration Cake", product = 1 }]\n',
        'product = [\n  { establishment = 8, name = "Urn", product = 1 }, # the urn\n]\n',
        "product = []\n",
        '[[product]]\nname = """\nUbe Celebration\nCake\n"""\nestablishment = 8\nproduct = """\n1"""\n',
        '  [["product"]]\n  establishment = 8\n\tname = "Urn"\n  product = 1\n  # the end',
        HIDDEN,
    ],
)
def test_any_way_of_writing_toml_can_be_changed(path: Path, text: str) -> None:
    path.write_text(text)
    others = [each for each in told(path) if " ".join(str(each[1]).split()) != CAKE.name]
    set_mapping(path, CAKE, 8107)
    assert next(each for each in told(path) if each not in others)[2] == 8107
    assert len(told(path)) == len(others) + 1
    unset_mapping(path, CAKE)
    assert told(path) == others
    assert path.read_text().count("#") == text.count("#")


PRODUCTS = ["product = 1\n", "product=1 # p\n", '  "product"  = "1"\n']
BETWEEN = st.sampled_from(["", "# c\n", "  # d\n\n", "\t\n"])
CHANGES = st.tuples(st.sampled_from(["N0", "N1", "N5"]), st.none() | st.integers(2, 9))


@given(st.data(), st.integers(0, 3), st.sampled_from(["\n", "\r\n"]), st.lists(CHANGES, max_size=4))
def test_every_change_changes_that_mapping_alone(data: st.DataObject, count: int, end: str, changes: list[Any]) -> None:
    text = data.draw(BETWEEN)
    for n in range(count):
        lines = ["establishment = 8\n", data.draw(st.sampled_from(PRODUCTS)), f'name = "N{n}"\n']
        header = data.draw(st.sampled_from(["[[product]]\n", "[[product]] # h\n", '  [["product"]]\n']))
        text += header + "".join(line + data.draw(BETWEEN) for line in data.draw(st.permutations(lines)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mappings.toml"
        path.write_bytes(text.replace("\n", end).encode())
        expected = {each.name: each.product for each in load_mappings(path)}
        never_empty = bool(text)
        for name, product in changes:
            if product:
                set_mapping(path, MappingKey(8, name), product)
                expected[name] = product
            else:
                unset_mapping(path, MappingKey(8, name))
                expected.pop(name, None)
            assert {each.name: each.product for each in load_mappings(path)} == expected
            never_empty = never_empty and path.stat().st_size > 0
        after = path.read_bytes().decode()
        assert [after.count(comment) for comment in ("# c", "# d")] == [text.count("# c"), text.count("# d")]
        assert not never_empty or after.count("\n") == after.count(end)  # an empty file has no line ends to keep


@pytest.mark.parametrize("text", ["[[product]]\nestablishment = 8\n", "nonsense", "[other]\n", '[[product]]\nx = "é'])
def test_a_file_that_isn_t_sound_is_left_to_a_person(path: Path, text: str) -> None:
    path.write_text(text)
    assert refuse(path).exit_status == 10


def test_a_file_that_can_t_be_written_is_told(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert "No space left on device" in refused(written, ConfigCode.FILE_UNWRITABLE).message
