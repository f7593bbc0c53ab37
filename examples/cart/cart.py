"""A shopping cart and a loyalty card: two aggregates of one customer, changed in one commit."""

import asyncio
import os
from datetime import UTC, datetime

import msgspec

from helenus import (
    Aggregate,
    AggregateRepository,
    AggregateService,
    CommandContext,
    CommandRefused,
    Event,
    UnitOfWork,
    applies,
    handles,
)
from helenus.stores import open_store


class ItemAdded(Event, name="item-added"):
    sku: str
    cents: int


class CheckedOut(Event, name="checked-out"):
    cents: int  # what is left to pay
    at: datetime


class PointsEarned(Event, name="points-earned"):
    points: int


class PointsSpent(Event, name="points-spent"):
    points: int


class Cart(Aggregate[ItemAdded | CheckedOut], name="cart"):
    cents: int = 0
    is_checked_out: bool = False

    @applies
    def item_added(self, event: ItemAdded) -> None:
        self.cents += event.cents

    @applies
    def checked_out(self, event: CheckedOut) -> None:
        self.is_checked_out = True


class LoyaltyCard(Aggregate[PointsEarned | PointsSpent], name="loyalty-card"):
    points: int = 0

    @applies
    def earned(self, event: PointsEarned) -> None:
        self.points += event.points

    @applies
    def spent(self, event: PointsSpent) -> None:
        self.points -= event.points


class AddItem(msgspec.Struct, frozen=True):
    customer: str
    cart: str
    sku: str
    cents: int


class CheckOut(msgspec.Struct, frozen=True):
    customer: str
    cart: str
    points: int = 0  # to pay with: one is worth a cent


class CartIsClosed(CommandRefused):
    pass


class NotEnoughPoints(CommandRefused):
    pass


class Shop(AggregateService):
    def stream_of(self, command: AddItem | CheckOut) -> str:
        return f"customer/{command.customer}"

    @handles
    def add_item(self, unit: UnitOfWork, command: AddItem, context: CommandContext) -> None:
        self._open_cart(unit, command.cart).record(ItemAdded(sku=command.sku, cents=command.cents))

    @handles
    def check_out(self, unit: UnitOfWork, command: CheckOut, context: CommandContext) -> int:
        cart = self._open_cart(unit, command.cart)
        card = unit.get(LoyaltyCard, "card")
        if command.points > min(card.points, cart.cents):
            raise NotEnoughPoints(f"At most {min(card.points, cart.cents)} points can be spent.")
        left = cart.cents - command.points
        cart.record(CheckedOut(cents=left, at=context.at))
        if command.points:
            card.record(PointsSpent(points=command.points))
        if left >= 100:
            card.record(PointsEarned(points=left // 100))
        return left

    def _open_cart(self, unit: UnitOfWork, cart_id: str) -> Cart:
        cart = unit.get(Cart, cart_id)
        if cart.is_checked_out:
            raise CartIsClosed("This cart is checked out.", remedy="Start another one.")
        return cart


async def main(store_url: str) -> None:
    async with (
        open_store(store_url) as store,
        AggregateRepository(store, [Cart, LoyaltyCard]) as repository,
    ):
        shop, context = Shop(repository), CommandContext(at=datetime.now(UTC))
        for cart, cents in [("first", 40_000), ("second", 500), ("third", 500)]:
            item = AddItem(customer="ada", cart=cart, sku="tea", cents=cents)
            await shop.execute(item, context)
        await shop.execute(CheckOut(customer="ada", cart="first"), context)
        # Two carts at once want the same 400 points. One gets them.
        race = [CheckOut(customer="ada", cart=cart, points=400) for cart in ("second", "third")]
        for answer in await asyncio.gather(
            *[shop.execute(command, context) for command in race], return_exceptions=True
        ):
            print(answer)
        async for stored in repository.history("customer/ada", after=5):
            print(stored.position, stored.aggregate_type, stored.aggregate_id, stored.name)


if __name__ == "__main__":
    asyncio.run(main(os.environ.get("CART_STORE", "memory:")))
