"""The pages of whoever steers: queues and what is at risk, cases of others, people, known questions, disagreements."""
