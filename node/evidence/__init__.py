"""Evidence: contradictions proved, judged and kept."""
