"""Judge a backbone in a ranking by the rules of a policy.

Nothing is imported here, so that the command line's help needs no NumPy.
"""
