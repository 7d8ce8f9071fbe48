"""Heads of networks: find the module that gives class scores, and take it off."""
