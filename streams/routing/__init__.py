"""Who decides a request: the model alone, a person, or an expert."""
