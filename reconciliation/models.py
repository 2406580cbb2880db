"""Do the two sides agree, and what is booked when they do not."""
