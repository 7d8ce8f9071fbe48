"""Understand tables of paths and labels: columns, files, and the rows to train on."""
