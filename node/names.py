"""Names of configuration files, apart from what reads them: who asks whether one is there loads no reader."""

from typing import Final

CONFIG_NAME: Final = "sigfed.toml"
OUTBOUND_NAME: Final = "outbound.toml"
"""What a partner's folder has instead, where connections go out through a proxy."""
PARTNER_NAME: Final = "partner.toml"
"""The settings of a partner's client."""
SIGNER_CONFIG_NAME: Final = "signer.toml"
