"""What operators look at: how the records flow, what could not be processed, and the figures against their targets."""
