"""Tests of acrank.data."""
