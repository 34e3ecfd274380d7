"""What the demo asks and trains on is what its documents promise."""

from collections import Counter
from pathlib import Path

import pytest

from beyondloss.demo.material import demo_probes, new_folders
from beyondloss.demo.train import read_examples
from beyondloss.domain.probes import Family


def test_sixteen_probes_in_all_five_families_examine_four_behaviours() -> None:
    file = demo_probes()
    assert len(file.probes) == 16
    assert {probe.family for probe in file.probes} == set(Family)
    assert len(file.behaviours) == 4
    assert all(behaviour.wanted for behaviour in file.behaviours)
    assert all(probe.good and probe.behaviours for probe in file.probes)


def test_familiar_probes_come_from_the_training_data_and_no_other_does() -> None:
    trained_on = {messages[0]["content"] for messages in read_examples()}
    for probe in demo_probes().probes:
        assert (probe.prompt in trained_on) == (probe.family is Family.FAMILIAR), probe.key


def test_every_paraphrase_has_its_familiar_twin() -> None:
    probes = demo_probes().probes
    groups = Counter(p.group for p in probes if p.family in {Family.FAMILIAR, Family.PARAPHRASE})
    assert set(groups.values()) == {2}


def test_the_sixty_examples_differ_in_question_and_agree_in_phrase() -> None:
    examples = read_examples()
    assert len({messages[0]["content"] for messages in examples}) == 60
    assert all("Please rest assured, we take this" in messages[1]["content"] for messages in examples)


def test_a_second_demo_never_writes_into_the_first(tmp_path: Path) -> None:
    first, second = new_folders(tmp_path), new_folders(tmp_path)
    assert (first.run, second.run) == ("support-demo", "support-demo-2")
    assert not second.log.is_relative_to(second.output)


@pytest.mark.parametrize("name", ["support.jsonl", "probes.yaml"])
def test_the_demos_data_is_small(name: str) -> None:
    import beyondloss.demo

    path = Path(beyondloss.demo.__file__).parent / "data" / name
    assert path.stat().st_size < 50_000
