"""Experiments that fine-tune every model or compare scores with fine-tuned accuracy."""
