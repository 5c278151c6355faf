"""Commands about lists and the subsets that partners get of them."""
