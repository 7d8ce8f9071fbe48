"""The experiment of a transferability paper: fine-tune every model, score it, compare.

Nothing is imported here, so that the command line's help needs no torch.
"""
