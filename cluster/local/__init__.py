"""The local stack: real Redis, Kafka and DynamoDB servers on loopback, without root and without Docker."""
