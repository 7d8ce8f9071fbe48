"""Tasks: what labels are of, and everything that is done in another way for it.

Nothing is imported here, so that the command line's help needs no torch.
"""
