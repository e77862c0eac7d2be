"""The stack on one machine: a real Kafka from pinned jars, every service as a process, one supervisor over all."""
