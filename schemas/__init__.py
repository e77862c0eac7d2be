"""The language of the log: events, schemas, topics and the codec between them and bytes."""
