"""Names of configuration files, and a choice in them, apart from what reads them: to ask for one loads no reader."""

from typing import Final, Literal

CONFIG_NAME: Final = "sigfed.toml"
OUTBOUND_NAME: Final = "outbound.toml"
"""What a partner's folder has instead, where connections go out through a proxy."""
PARTNER_NAME: Final = "partner.toml"
"""The settings of a partner's client."""
SIGNER_CONFIG_NAME: Final = "signer.toml"

GroupChoice = Literal["fastest", "libsodium"]
"""What does the group arithmetic: the kernel where it was compiled, or libsodium in any case."""
