"""Pages about the federation: members, evidence, witnesses, the map."""
