"""What is kept of people at the desk beyond what they do about cases: who came in, was refused, looked where."""
