"""What a run is shown as: report, charts, tables."""
