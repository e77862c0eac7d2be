"""What people's answers say about the model, and when there are enough of them to fit another."""
