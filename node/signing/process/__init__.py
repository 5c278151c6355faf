"""The signer process: it has the keys that sign online, and each request says what is to be signed, never bytes."""
