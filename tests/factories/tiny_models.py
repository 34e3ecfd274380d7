"""Tiny random language models with a byte-level tokenizer and a chat template, made on the spot in under a second."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from beyondloss.generation.quiet import quiet_libraries

SPECIAL_TOKENS = ("<pad>", "<|start|>", "<|end|>")
CHAT_TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}<|start|>system\nBe kind.<|end|>\n{% endif %}"
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
VOCABULARY = 256 + len(SPECIAL_TOKENS)
END_ID = 2

_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": END_ID,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {**_SMALL, "tie_word_embeddings": True},
    "qwen2": _SMALL,
    "qwen3": {**_SMALL, "head_dim": 8},
    "gemma3_text": {
        **_SMALL,
        "head_dim": 8,
        "sliding_window": 16,
        "layer_types": ["sliding_attention", "full_attention"],
        "query_pre_attn_scalar": 8,
    },
    "mistral": {**_SMALL, "head_dim": 8, "sliding_window": 24},
    "phi": {**_SMALL, "num_key_value_heads": 4, "partial_rotary_factor": 0.5},
    "gpt2": {
        "vocab_size": VOCABULARY,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 512,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": END_ID,
    },
    "mamba": {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "state_size": 4,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": END_ID,
    },
}


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL_TOKENS, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    pad, start, end = SPECIAL_TOKENS
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=pad, bos_token=start, eos_token=end, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def tiny_model(family: str = "llama", *, seed: int = 0) -> Any:
    """A random model, its weights large enough that answers differ and some end by themselves."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **FAMILIES[family]), dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and family != "mamba":
                parameter.normal_(0.0, 0.35 if "embed" not in name and "wte" not in name else 1.0)
    return model.eval()


def save_tiny_model(folder: Path, family: str = "llama", *, seed: int = 0, ends: tuple[int, ...] = (END_ID,)) -> Path:
    """With more `ends` a random model ends some answers by itself, as a real one does."""
    model = tiny_model(family, seed=seed)
    model.generation_config.eos_token_id = list(ends)
    with quiet_libraries():
        model.save_pretrained(folder)
        tiny_tokenizer().save_pretrained(folder)
    return folder


def save_adapter(folder: Path, base: Path, *, seed: int = 1, scale: float = 0.2, **settings: Any) -> Path:
    """A LoRA adapter as peft saves it, random instead of trained."""
    torch.manual_seed(seed)
    arguments = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **settings}
    with quiet_libraries():
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        adapted = get_peft_model(model, LoraConfig(**arguments))
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_" in name:
                    parameter.normal_(0.0, scale)
        adapted.save_pretrained(folder)
    return folder


def spoil_adapter(source: Path, target: Path, value: float) -> Path:
    """A copy whose B matrices hold one value: NaN as after a diverged run, 0 as after learning rate 0."""
    shutil.copytree(source, target)
    weights = target / "adapter_model.safetensors"
    tensors = {k: torch.full_like(v, value) if "lora_B" in k else v for k, v in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    return target


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
