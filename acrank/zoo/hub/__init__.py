"""The Hugging Face hub, as acrank asks it."""
