"""The shop's rules, told in events: those of the cart, and with `at` those of the card."""

from datetime import UTC, datetime

from examples.cart.cart import (
    AddItem,
    Cart,
    CartIsClosed,
    CheckedOut,
    CheckOut,
    ItemAdded,
    LoyaltyCard,
    NotEnoughPoints,
    PointsEarned,
    PointsSpent,
    Shop,
)
from helenus.testing.scenarios import Scenario, at

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
shop = Scenario(Cart, "c1", also=[LoyaltyCard], service=Shop, stream="customer/ada", now=NOON)
FULL = ItemAdded(sku="tea", cents=2_550)
CARD = at(LoyaltyCard, "card", PointsEarned(points=300))


async def test_checking_out_closes_the_cart_and_moves_points_in_one_commit() -> None:
    check_out = CheckOut(customer="ada", cart="c1", points=250)
    left = (
        await shop.given(FULL, CARD)
        .when(check_out)
        .then(
            CheckedOut(cents=2_300, at=NOON),
            at(LoyaltyCard, "card", PointsSpent(points=250)),
            at(LoyaltyCard, "card", PointsEarned(points=23)),
        )
    )
    assert left == 2_300


async def test_points_that_are_not_there_cannot_be_spent() -> None:
    check_out = CheckOut(customer="ada", cart="c1", points=301)
    await shop.given(FULL, CARD).when(check_out).then_refused(NotEnoughPoints, match="At most 300")


async def test_no_more_points_are_spent_than_the_cart_costs() -> None:
    check_out = CheckOut(customer="ada", cart="c1", points=300)
    cheap = ItemAdded(sku="tea", cents=299)
    await shop.given(cheap, CARD).when(check_out).then_refused(NotEnoughPoints, match="At most 299")


async def test_nothing_is_added_to_a_cart_that_is_checked_out() -> None:
    add = AddItem(customer="ada", cart="c1", sku="milk", cents=99)
    closed = CheckedOut(cents=2_550, at=NOON)
    await shop.given(FULL, closed).when(add).then_refused(CartIsClosed)
