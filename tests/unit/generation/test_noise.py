"""The counted Gumbel noise behind sampled answers."""

import pytest
import torch

from beyondloss.domain.probes import Message, MessageRole
from beyondloss.generation.noise import answer_key, gumbel, position_seed

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")
HELLO = (Message(MessageRole.USER, "Hello"),)


def test_two_models_say_the_same_as_often_as_the_gumbel_coupling_promises() -> None:
    noise = gumbel(range(400_000), 3, CPU)
    first = (torch.tensor([0.5, 0.3, 0.2]).log() + noise).argmax(-1)
    second = (torch.tensor([0.4, 0.4, 0.2]).log() + noise).argmax(-1)
    assert float((first == second).double().mean()) == pytest.approx(0.881818, abs=0.003)
    assert float((first == 0).double().mean()) == pytest.approx(0.5, abs=0.003)
    assert float((second == 1).double().mean()) == pytest.approx(0.4, abs=0.003)


def test_noise_has_the_moments_of_a_standard_gumbel() -> None:
    noise = gumbel([1, 2, 3, 4], 250_000, CPU).double()
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.005)
    assert float(noise.var()) == pytest.approx(1.6449, abs=0.02)


def test_a_row_of_noise_does_not_depend_on_the_rows_beside_it() -> None:
    together = gumbel([5, -7, 9], 100, CPU)
    assert torch.equal(together[1], gumbel([-7], 100, CPU)[0])


def test_a_longer_vocabulary_keeps_the_noise_of_the_tokens_it_shares() -> None:
    assert torch.equal(gumbel([3], 50, CPU)[0], gumbel([3], 80, CPU)[0, :50])


def test_project_probe_sample_and_position_each_change_the_noise() -> None:
    keys = {
        answer_key("a", HELLO, 0),
        answer_key("b", HELLO, 0),
        answer_key("a", HELLO, 1),
        answer_key("a", (Message(MessageRole.USER, "Hello!"),), 0),
        answer_key("a", (Message(MessageRole.SYSTEM, "Hello"),), 0),
    }
    assert len(keys) == 5
    assert position_seed(answer_key("a", HELLO, 0), 0) != position_seed(answer_key("a", HELLO, 0), 1)


def test_the_noise_of_an_answer_never_changes_between_versions() -> None:
    seed = position_seed(answer_key("project", HELLO, 0), 3)
    assert seed == 569010631050013394
    assert gumbel([seed], 3, CPU)[0].tolist() == pytest.approx([0.372579, 0.134418, -0.892050], abs=1e-6)
