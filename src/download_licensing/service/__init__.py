"""The service floor: commands in, answers out."""
