"""Commands about keys: their lives, their holders, the signer process, backups."""
