"""Write a report for programs: its rows as CSV, everything as JSON."""

from __future__ import annotations

from acrank.report.document import Records, Report
from acrank.utils.serialise import csv_text, json_text


def to_csv(report: Report) -> str:
    """Write a report's rows as CSV with a header; missing values are empty."""
    return records_to_csv(report.records())


def records_to_csv(records: Records) -> str:
    """Write rows as CSV with a header; missing values are empty."""
    return csv_text(records.columns, records.rows)


def to_json(report: Report) -> str:
    """Write everything that a report holds as strict JSON."""
    return json_text(report.data())
