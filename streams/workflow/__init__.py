"""What a workflow type is, which policy is in force, and the story of one request."""
