"""Hits of a partner: kept, reported, told to others, judged anew, answered, and deleted in their time."""
