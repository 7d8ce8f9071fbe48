"""A ranking for people and for programs: table, Markdown, CSV, JSON, progress."""
