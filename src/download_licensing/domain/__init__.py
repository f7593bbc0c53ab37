"""The domain: events, aggregates and rules. Pure: time and ids come in, nothing else does."""
