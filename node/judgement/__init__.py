"""What analysts look at and answer: what is effective and why, reviews, endorsements, what is set aside."""
