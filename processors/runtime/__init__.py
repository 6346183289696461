"""What drives the stages: in one process, or as agents over Kafka."""
