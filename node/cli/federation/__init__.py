"""Commands about the other agencies: whom this one counts and follows, and what they witness and prove."""
