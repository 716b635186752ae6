"""What can be added to the agents without a fork: dialects, providers, tools and toolsets.

Three ways in, all to the same registries:

- what lies in `agents/dialects/`, `agents/providers/` and `agents/tools/` is found there;
- an installed package names its own by entry points (`holdfast.dialects`, `holdfast.providers`, `holdfast.tools`);
- a Django app registers its own in `AppConfig.ready()`, and `HOLDFAST_TOOL_MODULES` names modules with tools.

A name that is taken, or an entry that cannot be loaded, stops the start with a line that says whose it is. Nothing
is left out in silence: an agent that has lost its tools would go on without them.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module, metadata
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from agents import dialects as dialect_folders
from agents import providers as provider_files
from agents import tools as tool_folders
from agents.dialects.base import Dialect
from agents.errors import AgentsError
from agents.providers.base import Provider
from agents.tools.base import Tool, Toolbox, Toolset

T = TypeVar("T")

#: Modules of `agents.providers` that are no provider, and folders of `agents.tools` that are no tool: none but these.
_NO_PROVIDERS = frozenset({"base"})


class ExtensionError(AgentsError, ValueError):
    """Something that was registered cannot be used. The message names where it came from and what to do."""


class NamedRegistry(Generic[T]):
    """Things by name, in the order in which they came, each with who brought it.

    It fills itself with what is built in and what installed packages name, at the first use; what an app registers
    in `ready()` comes behind that. To be used by one thread at a time until the process serves.
    """

    def __init__(self, kind: str, fill: "Callable[[NamedRegistry[T]], None]") -> None:
        self._kind = kind
        self._fill: Callable[[NamedRegistry[T]], None] | None = fill
        self._things: dict[str, T] = {}
        self._sources: dict[str, str] = {}

    def register(self, name: str, thing: T, source: str) -> None:
        """Add a thing under its name. `source` says who brings it: a module, or a package and its version.

        Raises ExtensionError if the name is taken by something else; the same thing twice is one.
        """
        self.check(name, thing, source)
        if name not in self._things:
            self._things[name], self._sources[name] = thing, source

    def check(self, name: str, thing: T, source: str) -> None:
        """Raise what `register` would raise, and add nothing."""
        self._filled()
        known = self._things.get(name)
        if known is not None and known is not thing:
            raise ExtensionError(
                f"Two {self._kind}s are named {name!r}: one of {self._sources[name]}, one of {source}. Rename one, "
                "or remove the package (or the setting) that brings it."
            )

    def get(self, name: str) -> T:
        """The thing of this name. Raises KeyError with the names there are."""
        self._filled()
        try:
            return self._things[name]
        except KeyError:
            known = ", ".join(self._things)
            raise KeyError(f"there is no {self._kind} {name!r}; the {self._kind}s are: {known}") from None

    def forget(self, name: str) -> None:
        """Take a thing out again, for tests: what a process has told others of must stay."""
        self._filled()
        del self._things[name], self._sources[name]

    def source(self, name: str) -> str:
        """Who brought it."""
        self._filled()
        return self._sources[name]

    def __contains__(self, name: object) -> bool:
        self._filled()
        return name in self._things

    def __iter__(self) -> Iterator[T]:
        self._filled()
        return iter(tuple(self._things.values()))

    def __len__(self) -> int:
        self._filled()
        return len(self._things)

    def _filled(self) -> None:
        if (fill := self._fill) is not None:
            self._fill = None
            try:
                fill(self)
            except BaseException:
                # Half of them is worse than none: whoever asks next hears of the same fault.
                self._fill = fill
                self._things.clear()
                self._sources.clear()
                raise


# ---- filling: what is built in, then what packages bring ------------------------------------------------------


def _fill_dialects(registry: NamedRegistry[Dialect]) -> None:
    for name in _modules(dialect_folders, folders=True):
        _add_dialect(registry, import_module(name).DIALECT, name)
    for dialect, source in _entry_points("holdfast.dialects"):
        _add_dialect(registry, dialect, source)


def _fill_providers(registry: NamedRegistry[Provider]) -> None:
    for name in _modules(provider_files, folders=False):
        if name.rpartition(".")[2] not in _NO_PROVIDERS:
            _add_provider(registry, import_module(name).PROVIDER, name)
    for provider, source in _entry_points("holdfast.providers"):
        _add_provider(registry, provider, source)


def _fill_tools(registry: NamedRegistry[Tool]) -> None:
    for name in _modules(tool_folders, folders=True):
        _add_all(registry, tools_of(f"{name}.tool"), name)
    for brought, source in _entry_points("holdfast.tools"):
        _add_tools(registry, brought, source)


def _no_toolsets(registry: NamedRegistry[Toolset]) -> None:
    """Toolsets come with the tools that they hold."""


def _modules(package: Any, *, folders: bool) -> list[str]:
    return sorted(
        f"{package.__name__}.{found.name}"
        for found in iter_modules(package.__path__)
        if found.ispkg == folders
    )


def _entry_points(group: str) -> Iterator[tuple[Any, str]]:
    for point in sorted(metadata.entry_points(group=group), key=lambda point: (point.name, point.value)):
        package = point.dist.name if point.dist is not None else "an installed package"
        version = f" {point.dist.version}" if point.dist is not None else ""
        source = f"the package {package}{version}"
        try:
            yield point.load(), source
        except Exception as error:
            raise ExtensionError(
                f"{source} names {point.value} for {group}, which cannot be loaded "
                f"({type(error).__name__}: {error}). Update the package, or uninstall {package}."
            ) from error


# ---- registering ------------------------------------------------------------------------------------------------

dialects: NamedRegistry[Dialect] = NamedRegistry("dialect", _fill_dialects)
providers: NamedRegistry[Provider] = NamedRegistry("provider", _fill_providers)
tools: NamedRegistry[Tool] = NamedRegistry("tool", _fill_tools)
toolsets: NamedRegistry[Toolset] = NamedRegistry("toolset", _no_toolsets)


def register_dialect(dialect: Dialect, source: str) -> None:
    """Add an API that models speak. `source`: the module or package that brings it. Raises ExtensionError."""
    _add_dialect(dialects, dialect, source)


def register_provider(provider: Provider, source: str) -> None:
    """Add a provider with its profiles. Raises ExtensionError, also for a profile's name that is taken and for a
    dialect that nobody has registered."""
    _add_provider(providers, provider, source)


def register_tools(brought: Tool | Toolset, source: str) -> None:
    """Add a tool, or the tools of a toolset. Raises ExtensionError."""
    _add_tools(tools, brought, source)


def register_tool_module(name: str) -> None:
    """Add every tool that a module defines (an entry of HOLDFAST_TOOL_MODULES). Raises ExtensionError."""
    _add_all(tools, tools_of(name), f"the module {name}")


def _add_dialect(registry: NamedRegistry[Dialect], dialect: Any, source: str) -> None:
    if not isinstance(dialect, Dialect):
        raise ExtensionError(
            f"{source} brings {dialect!r}, which is no dialect: see agents/dialects/base.py."
        )
    registry.register(dialect.name, dialect, source)


def _add_provider(registry: NamedRegistry[Provider], provider: Any, source: str) -> None:
    if not isinstance(provider, Provider):
        raise ExtensionError(f"{source} brings {provider!r}, which is no agents.providers.base.Provider.")
    taken = {profile.name: other for other in registry for profile in other.profiles}
    for profile in provider.profiles:
        if profile.dialect not in dialects:
            known = ", ".join(dialect.name for dialect in dialects)
            raise ExtensionError(
                f"The profile {profile.name!r} of {source} speaks the dialect {profile.dialect!r}, which nobody has "
                f"registered. The dialects are: {known}."
            )
        other = taken.get(profile.name, provider)
        if other is not provider:
            raise ExtensionError(
                f"Two profiles are named {profile.name!r}: one of {registry.source(other.name)}, one of {source}. "
                "Rename one, or remove the package that brings it."
            )
    registry.register(provider.name, provider, source)


def _add_tools(registry: NamedRegistry[Tool], brought: Any, source: str) -> None:
    if isinstance(brought, Toolset):
        for tool in brought.tools:
            _may_be_added(registry, tool, source)
        toolsets.register(brought.name, brought, source)
    elif not isinstance(brought, Tool):
        raise ExtensionError(
            f"{source} brings {brought!r}, which is no tool: mark a function with `tool`, or make a Toolset."
        )
    _add_all(registry, brought.tools if isinstance(brought, Toolset) else (brought,), source)


def _add_all(registry: NamedRegistry[Tool], brought: Sequence[Tool], source: str) -> None:
    """All of them or, if one cannot be added, none: half of what somebody brings is worse."""
    for tool in brought:
        _may_be_added(registry, tool, source)
    for tool in brought:
        registry.register(tool.name, tool, source)


def _may_be_added(registry: NamedRegistry[Tool], tool: Tool, source: str) -> None:
    if tool.default and tool.effect != "read_only":
        raise ExtensionError(
            f"The tool {tool.name!r} of {source} asks to be given to new agents by default, but it is {tool.effect}. "
            'Only tools with effect="read_only" may: take default=True off.'
        )
    registry.check(tool.name, tool, source)


def tools_of(module: str) -> list[Tool]:
    """The tools that a module defines, in their order; not those that it imports. Raises ExtensionError for a module
    that is not there or that has none: a typo in a setting must fail at the start."""
    try:
        found = vars(import_module(module)).values()
    except ImportError as error:
        raise ExtensionError(
            f"The module {module} with tools cannot be imported ({error}). Correct its name in HOLDFAST_TOOL_MODULES, "
            "or install what it needs."
        ) from error
    own = [one for one in found if isinstance(one, Tool) and one.function.__module__ == module]
    if not own:
        raise ExtensionError(f"{module} defines no tool; mark a function with @tool, or take it off the list")
    return own


# ---- using ------------------------------------------------------------------------------------------------------


def load() -> None:
    """Look for everything now, so that what is wrong is said when the process starts. Raises ExtensionError."""
    for registry in (dialects, providers, tools, toolsets):
        len(registry)


def toolbox() -> Toolbox:
    """The tools that are registered by now."""
    return Toolbox(tools)


def default_tools() -> tuple[str, ...]:
    """What an agent gets that nobody has chosen tools for: those that declare it, and only reading ones may."""
    return tuple(tool.name for tool in tools if tool.default)
