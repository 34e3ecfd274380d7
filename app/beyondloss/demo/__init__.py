"""The demo: a real LoRA fine-tune of a small model, probed while it trains."""
