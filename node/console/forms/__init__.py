"""Forms: what was posted, and what waits until a passkey was shown."""
