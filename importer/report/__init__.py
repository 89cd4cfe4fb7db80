"""What a run says of itself: counts and books, the summary."""
