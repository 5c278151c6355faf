"""The illustrated report: one HTML file with inline pictures, no script, nothing fetched."""
