"""Subsets: releases made of what is effective, and the epochs they are evaluated in."""
