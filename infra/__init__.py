"""The machines under the pipeline: Kafka, models, settings, logs, the local stack and the command line."""
