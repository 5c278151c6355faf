"""Files that a partner proposes to its agency: kept, sent, followed, taken back."""
