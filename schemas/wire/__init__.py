"""Events as bytes: Avro, Confluent wire format, registries, evolution."""
