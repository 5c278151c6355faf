"""Partners: how they are admitted, what they are served, the hits they report and dispute."""
