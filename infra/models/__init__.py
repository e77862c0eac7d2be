"""Models: how they are stored, how a batch becomes numbers, and the forward pass."""
