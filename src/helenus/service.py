"""The Aggregate Service: domain-only handlers; a command goes in, its result comes out.

    class Licensing(AggregateService):
        @handles
        def release(self, unit: UnitOfWork, command: Release, context: CommandContext) -> Released:
            ...

Handlers are pure: the time and the ids they need come in with the command or its context. What
surrounds them (logs, metrics, traces) is hooked around `execute` and unknown to them.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import typing
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, overload

import msgspec

from helenus.errors import DefinitionError, DomainError
from helenus.repository import AggregateRepository
from helenus.unit_of_work import UnitOfWork

R = TypeVar("R")

_BUILTIN = (bytes, datetime)
_UNDECLARED = object()


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Command(msgspec.Struct, Generic[R], frozen=True):
    """A command that says what it is answered with: ``class Deposit(Command[Receipt])``.

    `AggregateService.execute` then has that type for type checkers, and a handler that returns
    another is refused when the service is defined. Any other class does for a command as well.
    """


class CommandContext(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a command and is not part of it: a repetition may carry another context.

    Attributes:
        at: the time of the decision, aware.
        command_id: the idempotency key.
        actor: who acts.
        correlation_id: the business transaction.
        causation_id: the message that caused the command.
    """

    at: datetime
    command_id: str | None = None
    actor: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


class CommandCall(msgspec.Struct, frozen=True, kw_only=True):
    """What hooks are told about a command.

    Attributes:
        name: the name of its handler.
        stream: the stream it is decided on.
        command: the command.
        context: what came with it.
    """

    name: str
    stream: str
    command: Any
    context: CommandContext


Hook = Callable[[CommandCall], AbstractContextManager[object]]
"""Surrounds a command: entered before it, left after it with the exception that ended it, if
any."""


class _Handler(msgspec.Struct, frozen=True):
    name: str
    function: Callable[..., Any]
    returns: Any


F = TypeVar("F", bound=Callable[[Any, UnitOfWork, Any, CommandContext], Any])


def handles(function: F) -> F:
    """Mark a method as the handler of the command that its second parameter is annotated with."""
    function.__handles__ = True  # type: ignore[attr-defined]  # a mark on a function object
    return function


class AggregateService:
    """Base of an application's services.

    Args:
        repository: loads and commits.
        hooks: entered around each command, the first outermost.
    """

    _handlers: ClassVar[dict[type, _Handler]] = {}

    def __init__(self, repository: AggregateRepository, *, hooks: Iterable[Hook] = ()) -> None:
        self.repository = repository
        self._hooks = tuple(hooks)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        handlers = _inherited(cls)
        for handler in handlers.values():
            override = vars(cls).get(handler.name)
            if override is not None and not getattr(override, "__handles__", False):
                raise DefinitionError(
                    f"{cls.__qualname__}.{handler.name} overrides a handler: mark it with @handles."
                )
        for function in vars(cls).values():
            if getattr(function, "__handles__", False):
                command_type, handler = _handler(cls, function)
                if command_type in handlers and handlers[command_type].name != handler.name:
                    raise DefinitionError(
                        f"{cls.__qualname__}: {handlers[command_type].name} and {handler.name} both"
                        f" handle {command_type.__name__}. Keep one."
                    )
                handlers[command_type] = handler
        cls._handlers = handlers

    def stream_of(self, command: Any) -> str:
        """The stream that a command is decided on."""
        raise NotImplementedError(f"{type(self).__name__} must define stream_of.")

    @overload
    async def execute(self, command: Command[R], context: CommandContext) -> R: ...

    @overload
    async def execute(self, command: Any, context: CommandContext) -> Any: ...

    async def execute(self, command: Any, context: CommandContext) -> Any:
        """Carry out a command and return what its handler returned.

        Raises:
            DomainError: no handler takes this command.
            CommandRefused: a rule of the domain said no; nothing was written.
            HelenusError: see `AggregateRepository.transact`.
        """
        handler = self._handlers.get(type(command))
        if handler is None:
            raise DomainError(f"{type(self).__name__} has no handler for {type(command).__name__}.")
        call = CommandCall(
            name=handler.name, stream=self.stream_of(command), command=command, context=context
        )

        def decide(unit: UnitOfWork) -> Any:
            return handler.function(self, unit, command, context)

        with ExitStack() as stack:
            for hook in self._hooks:
                stack.enter_context(hook(call))
            return await self.repository.transact(
                call.stream,
                decide,
                command_id=context.command_id,
                returns=handler.returns,
                fingerprint=fingerprint_of(command) if context.command_id is not None else b"",
                actor=context.actor,
                correlation_id=context.correlation_id,
                causation_id=context.causation_id,
            )


def fingerprint_of(command: Any) -> bytes:
    """Eight bytes that identify a command's type and content.

    Fields at their default do not count, so a release may add one between a command and its
    repetition.
    """
    content = msgspec.to_builtins(command, builtin_types=_BUILTIN)
    if isinstance(command, msgspec.Struct):
        for name, encoded_name, default in _defaults(type(command)):
            if getattr(command, name) == default:
                del content[encoded_name]
    encoded = msgspec.msgpack.encode([type(command).__name__, content], order="deterministic")
    return hashlib.blake2b(encoded, digest_size=8).digest()


@functools.cache
def _defaults(command_type: type[msgspec.Struct]) -> list[tuple[str, str, Any]]:
    """Name, encoded name and default of the fields that have one."""
    return [
        (field.name, field.encode_name, field.default)
        for field in msgspec.structs.fields(command_type)
        if field.default is not msgspec.NODEFAULT
    ]


def _declared_result(command_type: type) -> Any:
    """What stands in the brackets of ``Command[…]``, unless it is a name in quotes."""
    for cls in command_type.__mro__:
        for base in vars(cls).get("__orig_bases__", ()):
            if typing.get_origin(base) is Command:
                (declared,) = typing.get_args(base)
                if declared is None:
                    return type(None)
                later = isinstance(declared, TypeVar | typing.ForwardRef)
                return _UNDECLARED if later else declared
    return _UNDECLARED


def _inherited(cls: type) -> dict[type, _Handler]:
    """The handlers of all bases, so that a large service can be put together from small ones."""
    handlers: dict[type, _Handler] = {}
    for base in reversed(cls.__mro__[1:]):
        for command_type, handler in vars(base).get("_handlers", {}).items():
            known = handlers.setdefault(command_type, handler)
            if known.name != handler.name:
                raise DefinitionError(
                    f"{cls.__qualname__} inherits {known.name} and {handler.name}, which both"
                    f" handle {command_type.__name__}. Keep one."
                )
            handlers[command_type] = handler
    return handlers


def _handler(cls: type, function: Callable[..., Any]) -> tuple[type, _Handler]:
    where = f"{cls.__module__}.{cls.__qualname__}.{function.__name__}"
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 4:
        raise DefinitionError(
            f"{where}: a handler takes self, the unit, the command and its context."
        )
    if inspect.iscoroutinefunction(function):
        raise DefinitionError(
            f"{where}: a handler is a plain function; it runs again on a conflict."
        )
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise DefinitionError(f"{where}: an annotation cannot be resolved ({error}).") from error
    command_type = hints.get(parameters[2])
    if not isinstance(command_type, type) or "return" not in hints:
        raise DefinitionError(f"{where}: annotate the command with its class, and the result.")
    declared = _declared_result(command_type)
    if declared is not _UNDECLARED and declared != hints["return"]:
        raise DefinitionError(
            f"{where} returns {hints['return']!r}, but {command_type.__name__} is declared to be"
            f" answered with {declared!r}."
        )
    return command_type, _Handler(function.__name__, function, hints["return"])
