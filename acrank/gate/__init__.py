"""Rules that a backbone must meet, and the verdict on a ranking.

Nothing is imported here, so that the command line's help needs no NumPy.
"""
