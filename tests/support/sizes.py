"""How much a run tries: `HYPOTHESIS_PROFILE=thorough` is for what takes minutes."""

import os
from typing import Final

THOROUGH: Final = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
