"""torch, transformers and peft: prompts, loading and swapping weights, decoding. Knows no database and no HTTP."""
