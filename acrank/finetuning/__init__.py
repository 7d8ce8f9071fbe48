"""Fine-tuning: methods over one training loop, and what it leaves in a folder.

Nothing is imported here, so that the command line's help needs no torch.
"""
