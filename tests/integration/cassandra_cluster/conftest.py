from helenus.testing.cassandra.fixtures import cassandra as cassandra  # noqa: PLC0414
