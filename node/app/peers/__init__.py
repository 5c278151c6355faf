"""What an opened node does with the other agencies."""
