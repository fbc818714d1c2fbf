from pathlib import Path

import pytest

import catena
from catena.errors import DatasetError, RecipeError
from catena.flows.plan import fingerprint, plan_of
from catena.flows.recipe import DatasetSource, load_recipe

MINIMAL = 'name = "r"\n[[taxonomy]]\npath = ["physics"]\n[[compose]]\nname = "p"\nrows = { 2 = 10 }\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "r.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MINIMAL + "valu_preserving = 0.3\n",
            r"unknown key 'compose.0.valu_preserving'; did you mean 'value_preserving'\?",
        ),
        ("sed = 3\n" + MINIMAL, r"unknown key 'sed'; did you mean 'seed'\?"),
        (
            MINIMAL + "[certificates]\nzzzqqq = 1\n",
            "unknown key 'certificates.zzzqqq'; known here: largest_answer, necessity",
        ),
        (MINIMAL.replace("2 = 10", "65 = 10"), r"compose\.0\.rows\.65.*a horizon is a whole number from 1 to 64"),
        (MINIMAL.replace("2 = 10", "0 = 10"), "a horizon is a whole number from 1 to 64"),
        (MINIMAL.replace("2 = 10", "2 = 0"), r"compose\.0\.rows\.2.*greater than or equal to 1"),
        (MINIMAL.replace('name = "p"', 'name = "p"\nsource = "gsm"'), "no source 'gsm'; known: atoms"),
        (MINIMAL.replace('name = "r"', ""), "'name' is missing"),
        (MINIMAL + "= 3", "not valid TOML"),
        ('name = "r"\n[[compose]]\nname = "p"\nrows = { 2 = 10 }\n', r"there is no \[\[taxonomy\]\]"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_with_its_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(written(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "r.toml"))
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")


def test_overrides_replace_settings_by_dotted_name(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, MINIMAL), {"seed": "9", "compose.0.rows": "{3 = 5}", "name": "other"})
    assert (recipe.seed, recipe.compose[0].rows, recipe.name) == (9, {3: 5}, "other")
    with pytest.raises(RecipeError, match="there is no such setting"):
        load_recipe(written(tmp_path, MINIMAL), {"compose.7.rows": "1"})


def test_a_missing_data_set_says_how_to_name_it() -> None:
    with pytest.raises(DatasetError, match=r"no such file.*--set datasets\.0\.path=FILE"):
        fingerprint(DatasetSource(name="g", path="/nowhere/train.jsonl"))


def test_a_branch_without_families_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    plan = plan_of(load_recipe(written(tmp_path, MINIMAL.replace("physics", "astrology"))), str(tmp_path / "run"))
    with pytest.raises(RecipeError, match=r"no source offers a topic below 'astrology'; known there: .*mathematics"):
        plan.leaves(plan.recipe.compose[0], 2)


def test_identities_change_from_the_changed_setting_on(tmp_path: Path) -> None:
    base = plan_of(load_recipe(written(tmp_path, MINIMAL)), "x").identities
    stricter = plan_of(load_recipe(written(tmp_path, MINIMAL + "[certificates]\nnecessity = 1.0\n")), "x").identities
    assert [stage for stage in base if base[stage] != stricter[stage]] == ["certify", "duplicates", "shards", "run"]
    used = plan_of(load_recipe(written(tmp_path, MINIMAL + "test = 3\n")), "x").identities
    assert [stage for stage in base if base[stage] != used[stage]] == ["shards", "run"]


@pytest.mark.parametrize(
    "path", sorted((Path(catena.__file__).parent / "recipes").glob("*.toml")), ids=lambda path: path.stem
)
def test_shipped_recipes_are_valid(path: Path) -> None:
    assert load_recipe(path).name == path.stem
