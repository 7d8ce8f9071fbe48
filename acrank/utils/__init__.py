"""Helpers for files, settings, text and durations that every room may use."""
