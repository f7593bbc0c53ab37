"""The bank's rules, told in events."""

from examples.bank.bank import Account, Bank, Deposited, Move, Withdrawn
from helenus.testing.scenarios import Scenario

account = Scenario(Account, "giro", service=Bank, stream="customer/ada")


async def test_money_that_is_there_can_be_withdrawn() -> None:
    move = Move(owner="ada", amount=-20)
    await account.given(Deposited(amount=50)).when(move).then(Withdrawn(amount=20))


async def test_more_than_there_is_cannot() -> None:
    move = Move(owner="ada", amount=-60)
    await account.given(Deposited(amount=50)).when(move).then_refused(match="holds 50")


async def test_a_move_answers_with_the_balance() -> None:
    assert await account.when(Move(owner="ada", amount=50)).then(Deposited(amount=50)) == 50


async def test_a_move_of_nothing_is_refused() -> None:
    await account.when(Move(owner="ada", amount=0)).then_refused(match="No 0")
