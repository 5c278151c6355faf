"""What an opened node does for its partners and recipients."""
