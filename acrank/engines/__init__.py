"""Where models are probed. One engine so far: one after the other, in this process."""

from acrank.engines.inprocess import run_in_process

__all__ = ["run_in_process"]
