"""Rank, fine-tune the best candidates briefly, and carry the winner on: the room behind ``choose``.

Nothing is imported here, so that the command line's help needs no torch.
"""
