"""Commands of an agency about its partners and recipients: who may ask, what they reported and proposed."""
