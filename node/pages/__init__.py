"""Self-contained pages: one HTML file with inline pictures, no script, no image, nothing fetched."""
