"""The traps of other trainers' run folders, each by name."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from beyondloss.domain.runs import CheckpointKind, CheckpointState, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.weights import find_weights, permission_sentence
from tests.factories.run_folders import (
    hf_run,
    log_entries,
    safetensors_bytes,
    set_time,
    write_adapter,
    write_checkpoint,
    write_json,
    write_model,
    write_trainer_state,
)


class HandClock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def reader_with_clock() -> tuple[HuggingFaceReader, HandClock]:
    clock = HandClock()
    return HuggingFaceReader(steadiness=Steadiness(monotonic=clock)), clock


def read(run: Path):
    return HuggingFaceReader().read(run)


def states(run: Path) -> dict[int, CheckpointState]:
    return {checkpoint.step: checkpoint.state for checkpoint in read(run).checkpoints}


def series(run: Path, name: str) -> dict[int, float]:
    return {point.step: point.value for point in read(run).points if point.name == name}


# 1: only weights make a checkpoint


def test_an_adapter_config_without_weights_is_no_checkpoint(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    write_json(run / "checkpoint-20" / "adapter_config.json", {"peft_type": "LORA"})
    write_json(run / "adapter_config.json", {"peft_type": "LORA"})  # Axolotl writes it before training
    assert list(states(run)) == [10]


def test_a_full_fine_tune_counts_as_one_with_all_its_shards(tmp_path: Path):
    run = tmp_path / "run"
    write_checkpoint(run, 10, full=True)
    write_model(run / "checkpoint-20", shards=3)
    write_trainer_state(run / "checkpoint-20", 20, log_entries(20))
    found = read(run).checkpoints
    assert [(one.step, one.kind, one.state) for one in found] == [
        (10, CheckpointKind.FULL, CheckpointState.PRESENT),
        (20, CheckpointKind.FULL, CheckpointState.PRESENT),
    ]


def test_a_missing_shard_is_a_save_under_way_and_then_a_cut_off_one(tmp_path: Path):
    run = tmp_path / "run"
    write_model(run / "checkpoint-10", shards=3)
    (run / "checkpoint-10" / "model-00002-of-00003.safetensors").unlink()
    write_trainer_state(run / "checkpoint-10", 10, log_entries(10))
    reader, clock = reader_with_clock()
    assert reader.read(run).checkpoints[0].state is CheckpointState.SAVING
    clock.seconds = 200.0
    cut_off = reader.read(run).checkpoints[0]
    assert cut_off.state is CheckpointState.UNREADABLE
    assert "1 of 3 shards are missing" in cut_off.reason


def test_an_index_that_leads_out_of_its_folder_is_not_followed(tmp_path: Path):
    folder = write_model(tmp_path / "run" / "checkpoint-10", shards=2)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": "../../secret.safetensors"}})
    weights = find_weights(folder)
    assert weights is not None
    assert weights.files == ()


# 2: half-written saves


def test_a_half_written_save_is_saving_and_present_once_its_last_file_is_there(tmp_path: Path):
    run = tmp_path / "run"
    folder = run / "checkpoint-10"
    folder.mkdir(parents=True)
    reader, clock = reader_with_clock()
    with pytest.raises(Unreadable):
        reader.read(run)
    whole = safetensors_bytes()
    for part in (whole[:5], whole[:100], whole[:-1]):
        clock.seconds += 1
        (folder / "adapter_model.safetensors").write_bytes(part)
        write_json(folder / "adapter_config.json", {"peft_type": "LORA"})
        (found,) = reader.read(run).checkpoints
        assert found.state is CheckpointState.SAVING
        assert "Still being saved" in found.reason
    (folder / "adapter_model.safetensors").write_bytes(whole)
    assert reader.read(run).checkpoints[0].state is CheckpointState.SAVING
    write_trainer_state(folder, 10, log_entries(10))
    assert reader.read(run).checkpoints[0].state is CheckpointState.PRESENT


def test_without_a_last_file_two_looks_alike_make_a_save_complete(tmp_path: Path):
    run = tmp_path / "run"
    write_adapter(run / "checkpoint-10")
    reader, clock = reader_with_clock()
    assert reader.read(run).checkpoints[0].state is CheckpointState.SAVING
    clock.seconds = 1.0
    os.utime(run / "checkpoint-10" / "adapter_model.safetensors", (5, 5))
    assert reader.read(run).checkpoints[0].state is CheckpointState.SAVING
    clock.seconds = 2.0
    assert reader.read(run).checkpoints[0].state is CheckpointState.PRESENT


def test_weights_newer_than_the_last_file_are_a_save_over_an_old_one(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    os.utime(run / "checkpoint-10" / "trainer_state.json", (1000, 1000))
    assert states(run) == {10: CheckpointState.SAVING}


def test_half_a_trainer_state_does_not_complete_a_save(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    state = run / "checkpoint-10" / "trainer_state.json"
    text = state.read_text()
    for length in range(0, len(text) - 2, 37):
        state.write_text(text[:length])
        assert states(run) == {10: CheckpointState.SAVING}


def test_a_file_that_is_no_safetensors_is_unreadable(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    for damage in (b"\xff" * 4000, (20).to_bytes(8, "little") + b"x" * 40, safetensors_bytes() + b"more"):
        (run / "checkpoint-10" / "adapter_model.safetensors").write_bytes(damage)
        assert states(run) == {10: CheckpointState.UNREADABLE}


# 5: files of another user


def test_a_private_file_is_named_with_the_chmod_line(tmp_path: Path):
    path = tmp_path / "it's here" / "adapter_model.safetensors"
    path.parent.mkdir()
    path.touch(mode=0o600)
    sentence = permission_sentence(path)
    assert "not readable by user" in sentence
    assert "mode 0600" in sentence
    assert f"chmod a+r '{path.parent.parent}/it'\"'\"'s here/adapter_model.safetensors'" in sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("blocked", ["checkpoint-10/adapter_model.safetensors", "checkpoint-10"])
def test_another_users_checkpoint_is_unreadable_with_the_way_out(blocked: str):
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        run = hf_run(Path(place) / "run", steps=[10, 20])
        (run / blocked).chmod(0o600)
        pid = os.fork()
        if pid == 0:  # another user, in a process of its own
            code = 1
            try:
                os.setgid(65534)
                os.setuid(65534)
                found = read(run).checkpoints
                (bad,) = [one for one in found if one.state is CheckpointState.UNREADABLE]
                good = [one for one in found if one.state is CheckpointState.PRESENT]
                code = 0 if "chmod a+r" in bad.reason and [one.step for one in good] == [20] else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# 6: JSON that is none


def test_nan_and_infinity_in_the_log_are_kept(tmp_path: Path):
    entries = [*log_entries(5), {"step": 10, "loss": float("nan"), "grad_norm": float("inf"), "x": float("-inf")}]
    run = tmp_path / "run"
    write_checkpoint(run, 10, entries=entries)
    assert "NaN" in (run / "checkpoint-10" / "trainer_state.json").read_text()
    assert repr(series(run, "loss")[10]) == "nan"
    assert series(run, "grad_norm")[10] == float("inf")
    assert series(run, "x")[10] == float("-inf")
    assert read(run).state is RunState.DIVERGED


# 9: nothing is ever unpickled


def test_a_pickle_is_refused_and_never_opened(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    adapter = run / "checkpoint-10" / "adapter_model.safetensors"
    adapter.rename(adapter.with_name("adapter_model.bin"))
    (run / "checkpoint-20").mkdir()
    (run / "checkpoint-20" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    found = read(run).checkpoints
    assert [one.state for one in found] == [CheckpointState.UNREADABLE] * 2
    assert all("can run code" in one.reason for one in found)


def test_reading_imports_no_torch():
    code = (
        "import sys, beyondloss.ingest.watch, beyondloss.ingest.keeping, beyondloss.ingest.probe_files;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'safetensors', 'pickle5')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# 10: rerun and resume


def test_a_rerun_in_the_same_folder_is_another_run(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20, 30])
    first = read(run)
    set_time(run, 1_000_000)
    write_checkpoint(run, 10, entries=log_entries(10, scale=1.5))
    again = read(run)
    assert again.first_log_key != first.first_log_key
    assert [one.step for one in again.checkpoints] == [10]
    assert max(point.step for point in again.points) == 10
    assert again.problems == (
        "checkpoint-20 is left from an earlier run in this folder.",
        "checkpoint-30 is left from an earlier run in this folder.",
    )


def test_a_resume_is_the_same_run_and_its_newest_log_is_right(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20, 30])
    first = read(run)
    set_time(run, 1_000_000)
    entries = [*log_entries(10), {"step": 15, "loss": 9.0}, {"step": 20, "loss": 8.0}]
    write_checkpoint(run, 20, entries=entries)
    resumed = read(run)
    assert resumed.first_log_key == first.first_log_key
    assert [one.step for one in resumed.checkpoints] == [10, 20, 30]
    assert series(run, "loss") == {5: 0.6, 10: 0.3, 15: 9.0, 20: 8.0}
    assert resumed.problems == ()


# 11: mtimes may lie


def test_a_copied_run_with_scrambled_times_keeps_its_whole_log(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20, 30])
    for step, seconds in ((10, 3000), (20, 2000), (30, 1000)):
        set_time(run / f"checkpoint-{step}", seconds)
    assert max(series(run, "loss")) == 30


def test_a_symlinked_run_reads_like_any_other(tmp_path: Path):
    hf_run(tmp_path / "elsewhere" / "run", steps=[10])
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "run")
    assert states(tmp_path / "link") == {10: CheckpointState.PRESENT}


# 12: a divergence that the trainer's log hides


def test_a_loss_of_exactly_zero_with_a_nan_gradient_is_a_diverged_run(tmp_path: Path):
    entries = [*log_entries(10), {"step": 15, "loss": 0.0, "grad_norm": float("nan"), "learning_rate": 1e-4}]
    write_checkpoint(tmp_path / "run", 15, entries=entries)
    assert read(tmp_path / "run").state is RunState.DIVERGED


def test_a_run_that_recovered_is_not_diverged(tmp_path: Path):
    entries = [{"step": 5, "loss": 1.0, "grad_norm": float("inf")}, {"step": 10, "loss": 0.9, "grad_norm": 1.0}]
    write_checkpoint(tmp_path / "run", 10, entries=entries)
    assert read(tmp_path / "run").state is RunState.TRAINING


# 14: a checkpoint's own truth


def test_each_checkpoint_knows_its_own_epoch(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20])
    assert [(one.step, one.epoch) for one in read(run).checkpoints] == [(10, 1.0), (20, 2.0)]


def test_a_trainer_state_in_another_key_order_is_read_too(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    state = run / "checkpoint-10" / "trainer_state.json"
    values = json.loads(state.read_text())
    state.write_text(json.dumps({key: values[key] for key in reversed(values)}))
    found = read(run)
    assert found.checkpoints[0].epoch == 1.0
    assert found.checkpoints[0].state is CheckpointState.PRESENT


# 15: what is no further checkpoint


def test_symlinks_and_pinned_copies_beside_checkpoints_are_no_checkpoints(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20])
    (run / "latest").symlink_to("checkpoint-20")
    (run / "checkpoint-99").symlink_to("checkpoint-20")
    (run / "checkpoint-98").symlink_to("nowhere")
    shutil.copytree(run / "checkpoint-10", run / "checkpoint-10-keep")
    shutil.copytree(run / "checkpoint-10", run / "tmp-checkpoint-30")
    assert list(states(run)) == [10, 20]


def test_a_checkpoint_moved_to_another_disk_and_linked_back_still_counts(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20])
    shutil.move(run / "checkpoint-10", tmp_path / "moved")
    (run / "checkpoint-10").symlink_to(tmp_path / "moved")
    assert list(states(run)) == [10, 20]


def test_a_final_adapter_that_equals_a_checkpoint_is_no_further_one(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20])
    write_adapter(run, seed=20)
    found = read(run)
    assert [one.step for one in found.checkpoints] == [10, 20]
    assert found.state is RunState.FINISHED
    write_adapter(run, seed=10)  # load_best_model_at_end
    assert [one.step for one in read(run).checkpoints] == [10, 20]


def test_a_final_adapter_of_a_later_step_is_a_checkpoint(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20])
    write_adapter(run, seed=99)
    write_trainer_state(run, 25, [*log_entries(25), {"step": 25, "train_runtime": 1.0, "train_loss": 1.0}])
    found = read(run)
    assert [one.step for one in found.checkpoints] == [10, 20, 25]
    assert found.checkpoints[-1].path == run
    assert found.state is RunState.FINISHED
    assert "train_loss" not in {point.name for point in found.points}
    assert series(run, "loss")[25] == pytest.approx(3 / 25)


def test_a_run_that_saved_only_at_its_end_has_one_checkpoint(tmp_path: Path):
    run = write_adapter(tmp_path / "run")
    (run / "training_args.bin").write_bytes(b"never opened")
    write_trainer_state(run, 40, log_entries(40), max_steps=40)
    assert HuggingFaceReader().recognises(run)
    found = read(run)
    assert [(one.step, one.state) for one in found.checkpoints] == [(40, CheckpointState.PRESENT)]


# Layouts of the Trainer


def test_shards_are_listed_with_the_line_that_consolidates_them(tmp_path: Path):
    run = tmp_path / "run"
    (run / "checkpoint-10" / "pytorch_model_fsdp_0").mkdir(parents=True)
    (run / "checkpoint-20" / "global_step20").mkdir(parents=True)
    for step in (10, 20):
        write_trainer_state(run / f"checkpoint-{step}", step, log_entries(step))
    fsdp, deepspeed = read(run).checkpoints
    assert fsdp.state is deepspeed.state is CheckpointState.SHARDED
    assert fsdp.kind is deepspeed.kind is CheckpointKind.SHARDED
    assert "accelerate merge-weights" in fsdp.reason
    assert "zero_to_fp32.py" in deepspeed.reason


def test_an_adapter_beside_deepspeed_shards_is_an_adapter(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    (run / "checkpoint-10" / "global_step10").mkdir()
    assert states(run) == {10: CheckpointState.PRESENT}


def test_an_adapter_with_a_name_lies_one_folder_deeper(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    folder = run / "checkpoint-10"
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_config.json").unlink()
    write_adapter(folder / "ref", seed=1)
    write_adapter(folder / "support", seed=2)
    write_trainer_state(folder, 10, log_entries(10))
    found = read(run)
    assert found.checkpoints[0].path == folder / "support"
    assert found.checkpoints[0].epoch == 1.0
    assert found.base_model == "org/tiny-base"
    assert max(point.step for point in found.points) == 10


def test_several_evaluation_sets_and_preference_metrics_keep_their_names(tmp_path: Path):
    entries = [
        {"step": 5, "loss": 1.0, "rewards/chosen": 0.5, "logps/rejected": -3.0, "mean_token_accuracy": 0.7},
        {"step": 5, "eval_support_loss": 1.1, "eval_support_runtime": 2.0, "eval_support_samples_per_second": 3.0},
        {"step": 5, "eval_chat_loss": 1.2, "epoch": 0.5},
    ]
    write_checkpoint(tmp_path / "run", 5, entries=entries)
    names = {point.name for point in read(tmp_path / "run").points}
    assert names == {
        "loss",
        "rewards/chosen",
        "logps/rejected",
        "mean_token_accuracy",
        "eval_support_loss",
        "eval_chat_loss",
        "epoch",
    }


def test_settings_come_from_json_and_the_model_card_without_secrets(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    (run / "README.md").write_text(
        "---\nbase_model: org/card-base\n---\n# Card\n\n### Training hyperparameters\n\n"
        "The following hyperparameters were used:\n- learning_rate: 5e-05\n- seed: 42\n"
        "- lr_scheduler_type: cosine\n- hub_token: hf_abc\n\n### Framework versions\n- Transformers: 5\n"
    )
    config = read(run).config
    assert config["learning_rate"] == 5e-05
    assert config["seed"] == 42
    assert config["lr_scheduler_type"] == "cosine"
    assert config["lora_r"] == 2
    assert config["target_modules"] == "q_proj, v_proj"
    assert config["max_steps"] == 100
    assert "hub_token" not in config
    assert "Transformers" not in config


def test_the_base_model_comes_from_the_adapter_then_the_card_then_the_config(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    assert read(run).base_model == "org/tiny-base"
    write_adapter(run / "checkpoint-10", seed=10, base=None)
    write_trainer_state(run / "checkpoint-10", 10, log_entries(10))
    assert read(run).base_model is None
    (run / "checkpoint-10" / "README.md").write_text("---\nbase_model: org/card-base\n---\n")
    assert read(run).base_model == "org/card-base"
    full = hf_run(tmp_path / "full", steps=[10], full=True)
    assert read(full).base_model is None
    write_json(full / "checkpoint-10" / "config.json", {"_name_or_path": "org/config-base"})
    assert read(full).base_model == "org/config-base"
    write_json(full / "checkpoint-10" / "config.json", {"_name_or_path": "out/checkpoint-500"})
    assert read(full).base_model is None


def test_a_vanished_checkpoint_is_no_error(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10, 20])
    shutil.rmtree(run / "checkpoint-10")
    assert list(states(run)) == [20]
    assert 5 in series(run, "loss")


def test_a_run_is_finished_when_its_steps_are_done_or_it_went_quiet(tmp_path: Path):
    assert read(hf_run(tmp_path / "going", steps=[10])).state is RunState.TRAINING
    assert read(hf_run(tmp_path / "done", steps=[10], max_steps=10)).state is RunState.FINISHED
    quiet = hf_run(tmp_path / "quiet", steps=[10])
    set_time(quiet, 1_000_000)
    assert read(quiet).state is RunState.FINISHED


def test_a_folder_with_nothing_to_say_says_so(tmp_path: Path):
    (tmp_path / "run" / "checkpoint-10").mkdir(parents=True)
    with pytest.raises(Unreadable) as caught:
        read(tmp_path / "run")
    assert caught.value.code == "empty_run"
