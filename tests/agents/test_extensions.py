"""What is added from outside: by an app, by a module, by an installed package; and what is broken stops the start."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agents import extensions, profiles
from agents.dialects.chat import ChatDialect
from agents.extensions import ExtensionError, NamedRegistry, default_tools, tools_of
from agents.providers.base import Profile, Provider
from agents.tools import Tool, Toolset, tool
from tests.support.processes import ROOT, clean_environment


@tool(effect="read_only")
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sun in {city}."


@tool(effect="effectful", default=True)
def send_money(amount: int) -> str:
    """Send money."""
    return "Sent."


# ---- one registry ----------------------------------------------------------------------------------------------


def letters(registry: NamedRegistry[str]) -> None:
    registry.register("a", "A", "the house")


def test_what_is_built_in_comes_first_and_is_looked_for_once() -> None:
    registry: NamedRegistry[str] = NamedRegistry("letter", letters)
    registry.register("b", "B", "an app")
    assert list(registry) == ["A", "B"] and len(registry) == 2
    assert (registry.get("b"), registry.source("b"), "c" in registry) == ("B", "an app", False)


def test_a_name_that_is_taken_is_refused_with_whose_it_is() -> None:
    registry: NamedRegistry[str] = NamedRegistry("letter", letters)
    registry.register("a", "A", "somebody who found the same object")
    with pytest.raises(
        ExtensionError, match="Two letters are named 'a': one of the house, one of the package x 1"
    ):
        registry.register("a", "another A", "the package x 1")
    assert list(registry) == ["A"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="there is no letter 'z'; the letters are: a"):
        NamedRegistry("letter", letters).get("z")


def test_a_fault_while_looking_is_told_to_everybody_who_asks() -> None:
    def broken(registry: NamedRegistry[str]) -> None:
        registry.register("a", "A", "the house")
        raise ExtensionError("broken")

    registry: NamedRegistry[str] = NamedRegistry("letter", broken)
    for _ in range(2):
        with pytest.raises(ExtensionError, match="broken"):
            len(registry)


# ---- what is built in --------------------------------------------------------------------------------------------


def test_each_file_of_a_provider_and_each_folder_of_a_dialect_or_a_tool_is_found() -> None:
    files = {path.stem for path in (ROOT / "agents/providers").glob("*.py")} - {"__init__", "base"}
    assert {provider.name.replace(".", "_") for provider in extensions.providers} >= files
    for folder, found in (
        ("agents/dialects", {dialect.name for dialect in extensions.dialects}),
        ("agents/tools", {one.name for one in extensions.tools}),
    ):
        assert {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")} <= found


def test_every_profile_speaks_a_dialect_that_is_there() -> None:
    for profile in profiles.all_profiles().values():
        assert profile.dialect in extensions.dialects


def test_what_new_agents_have_only_reads() -> None:
    defaults = [extensions.tools.get(name) for name in default_tools()]
    assert defaults and all(one.effect == "read_only" and one.default for one in defaults)


# ---- what is refused ---------------------------------------------------------------------------------------------


def test_a_tool_that_changes_something_cannot_be_given_to_everybody() -> None:
    with pytest.raises(ExtensionError, match=r"'send_money' of the package bank 2\.0 .*it is effectful"):
        extensions.register_tools(send_money, "the package bank 2.0")
    with pytest.raises(ExtensionError, match="it is effectful"):
        extensions.register_tool_module(__name__)
    with pytest.raises(ExtensionError, match="it is effectful"):
        extensions.register_tools(Toolset("bank", "Bank", (weather, send_money)), "the package bank 2.0")
    assert "send_money" not in extensions.tools
    assert "weather" not in extensions.tools, "half of what was refused has stayed"
    assert "bank" not in extensions.toolsets


def test_what_is_no_tool_provider_or_dialect_is_refused() -> None:
    with pytest.raises(ExtensionError, match="an app brings 'weather', which is no tool"):
        extensions.register_tools("weather", "an app")  # type: ignore[arg-type]
    with pytest.raises(ExtensionError, match="which is no agents.providers.base.Provider"):
        extensions.register_provider(Profile("p", "P"), "an app")  # type: ignore[arg-type]
    with pytest.raises(ExtensionError, match="which is no dialect"):
        extensions.register_dialect(Profile("p", "P"), "an app")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        (Provider("mine", (Profile("mine", "Mine", dialect="morse"),)), "speaks the dialect 'morse'"),
        (
            Provider("mine", (Profile("mistral", "Mine"),)),
            "Two profiles are named 'mistral': one of agents.providers",
        ),
        (Provider("mistral", ()), "Two providers are named 'mistral'"),
        (Provider("openai", ()), "Two providers are named 'openai'"),
    ],
)
def test_a_provider_must_fit_what_is_there(provider: Provider, says: str) -> None:
    with pytest.raises(ExtensionError, match=says):
        extensions.register_provider(provider, "an app")


def test_two_dialects_of_one_name_are_refused() -> None:
    with pytest.raises(ExtensionError, match="Two dialects are named 'chat'"):
        extensions.register_dialect(ChatDialect(), "an app")


def test_a_module_without_tools_or_that_is_not_there_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ExtensionError, match="json defines no tool"):
        tools_of("json")
    with pytest.raises(ExtensionError, match="Correct its name in HOLDFAST_TOOL_MODULES"):
        tools_of("no.such.module")


def test_a_module_that_only_imports_tools_adds_none_twice() -> None:
    module = type(sys)("extra_tools")
    vars(module)["weather"] = weather
    sys.modules["extra_tools"] = module
    try:
        with pytest.raises(ExtensionError, match="defines no tool"):
            tools_of("extra_tools")
    finally:
        del sys.modules["extra_tools"]


def test_the_tools_of_a_toolset_come_together() -> None:
    assert isinstance(weather, Tool)
    found = {one.name: one for one in extensions.toolsets}
    assert {one.name for one in found["demo"].tools} == {"slow_research", "unreliable"}
    assert Toolset("sky", "Sky", (weather,)).tools[0](city="Rome") == "Sun in Rome."


# ---- installed packages, in processes of their own -----------------------------------------------------------

PACKAGE = {
    "acme_ai.py": """
        from agents.dialects.chat import ChatDialect
        from agents.providers.base import Profile, Provider
        from agents.tools import Toolset, tool

        class MorseDialect(ChatDialect):
            name = "morse"

        MORSE = MorseDialect()
        PROVIDER = Provider("acme", (Profile("acme", "Acme", dialect="morse", hosts=("api.acme.example",)),))

        @tool(effect="read_only", default=True)
        def tide(port: str) -> str:
            \"\"\"The tide at a port.\"\"\"
            return "High."

        @tool
        def open_lock(name: str) -> str:
            \"\"\"Open a lock.\"\"\"
            return "Open."

        TOOLS = Toolset("sea", "Sea", (tide, open_lock))
        """,
    "acme_ai-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-ai\nVersion: 1.5\n",
}
ENTRY_POINTS = """
    [holdfast.dialects]
    morse = acme_ai:MORSE
    [holdfast.providers]
    acme = acme_ai:PROVIDER
    [holdfast.tools]
    sea = acme_ai:TOOLS
    """
SHOW = """
import django
django.setup()
from agents import extensions, profiles
from agents.models import default_tools
print([one.name for one in extensions.dialects], profiles.guess("https://api.acme.example/v1", "x").dialect)
print([name for name in extensions.toolbox().names if name in ("tide", "open_lock")], "tide" in default_tools())
print(extensions.tools.source("tide"))
"""


def install(folder: Path, entry_points: str) -> Path:
    for name, text in {**PACKAGE, "acme_ai-1.5.dist-info/entry_points.txt": entry_points}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def start(tmp_path: Path, code: str = SHOW, packages: Path | None = None, **env: str) -> tuple[int, str]:
    """Run a program in the project with more packages on its path; its status and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(
            DJANGO_SETTINGS_MODULE="config.settings",
            HOLDFAST_TRIAL="1",
            HOLDFAST_DATA=str(tmp_path / "data"),
            **({"PYTHONPATH": str(packages)} if packages is not None else {}),
            **env,
        ),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr


def test_an_installed_package_brings_a_dialect_a_provider_and_tools(tmp_path: Path) -> None:
    status, said = start(tmp_path, packages=install(tmp_path / "site", ENTRY_POINTS))
    assert status == 0, said
    assert said.splitlines() == [
        "['anthropic', 'chat', 'gemini', 'responses', 'morse'] morse",
        "['tide', 'open_lock'] True",
        "the package acme-ai 1.5",
    ]


@pytest.mark.parametrize(
    ("entry_points", "says"),
    [
        (
            "[holdfast.tools]\nsea = acme_ai:GONE\n",
            "the package acme-ai 1.5 names acme_ai:GONE for holdfast.tools",
        ),
        ("[holdfast.tools]\nsea = no_such_module\n", "Update the package, or uninstall acme-ai."),
        ("[holdfast.tools]\nsea = acme_ai:PROVIDER\n", "which is no tool"),
        ("[holdfast.providers]\na = acme_ai:PROVIDER\n", "which nobody has registered"),
        ("[holdfast.dialects]\na = acme_ai:tide\n", "which is no dialect"),
    ],
)
def test_a_broken_entry_of_a_package_stops_the_start(entry_points: str, says: str, tmp_path: Path) -> None:
    code = "from agents import extensions; extensions.load()"
    status, said = start(tmp_path, code, install(tmp_path / "site", entry_points))
    assert status != 0
    assert says in said


def test_a_module_of_the_settings_comes_beside_the_built_in_tools(tmp_path: Path) -> None:
    packages = install(tmp_path / "site", "")
    code = "import django; django.setup()\nfrom agents import extensions\nprint(extensions.toolbox().names)"
    status, said = start(tmp_path, code, packages, HOLDFAST_TOOL_MODULES="acme_ai")
    assert status == 0 and "'tide', 'open_lock'" in said, said
    status, said = start(tmp_path, code, packages, HOLDFAST_TOOL_MODULES="acme_ai.gone")
    assert status != 0 and "Correct its name in HOLDFAST_TOOL_MODULES" in said


def test_the_agents_decide_without_django(tmp_path: Path) -> None:
    code = """
import sys
from agents import extensions, loop
from agents.dialects.requests import render, validate
extensions.load()
print(extensions.toolbox().names, "django" in sys.modules)
"""
    status, said = start(tmp_path, code)
    assert status == 0, said
    names = "('calculator', 'current_time', 'fetch_url', 'notes')"
    assert said.strip() == f"{names} False"
