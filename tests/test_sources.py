"""What is found out about a source of problems before it is composed."""

from catena.generators.atoms.catalog import families
from catena.generators.sources import prepare, takes_answers


def test_whether_a_family_takes_answers_is_what_preparing_it_finds() -> None:
    found = {name: takes_answers(family) for name, family in families().items()}
    assert found == {name: bool(prepare(family).links) for name, family in families().items()}
    assert 0 < sum(found.values()) < len(found)
