"""Model sources: where the networks of a zoo come from, one class each.

:mod:`acrank.zoo.sources.registry` finds them; :mod:`acrank.zoo.sources.base` says what one is.
"""
