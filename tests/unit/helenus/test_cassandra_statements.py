"""Which statements may be executed twice."""

from helenus.stores.cassandra import cql


def test_every_statement_but_an_append_and_a_first_setting_may_be_executed_twice() -> None:
    assert [each for each in cql.ALL if not each.idempotent] == [cql.RECORD_SETTING, cql.APPEND]
