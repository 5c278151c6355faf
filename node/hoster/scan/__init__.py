"""Scanning what is stored: where files come from, what is remembered of them, how they are judged, what came out."""
