"""The partner's client: enrols, updates, looks up. It holds a release it cannot read as a list, and no raw digest."""
