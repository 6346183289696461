"""The capture service: cameras to Kafka."""
