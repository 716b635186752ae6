"""`manage.py try_provider`: a dozen short conversations with a live provider, and a table of what it took."""

from __future__ import annotations

import asyncio
import getpass
import sys
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.dialects.http import close_clients
from agents.lab.meter import Budget
from agents.lab.report import line, table
from agents.lab.trying import Report, try_agent
from agents.models import Agent, ModelProvider
from agents.profiles import all_profiles
from agents.serving.keys import environment_key
from agents.serving.resolve import of_provider, with_defaults
from agents.serving.validation import validate_base_url
from agents.spec import AgentSpec
from chat.runs.dependencies import model_of, with_endpoints


class Command(BaseCommand):
    """Tries a provider. The key comes from the provider's row, from the environment or from a prompt, never from the
    command line, where other users of the machine could read it."""

    help = (
        "Has a dozen short conversations with a live provider and prints what it took, what it refused, and which "
        "profile fits. Costs about forty small requests, at most what --max-… say. Status 0: a profile fits; 1: none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Who is tried, and how much may be asked."""
        budget = Budget()
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--base-url", help="An address, like https://api.example.com/v1.")
        who.add_argument(
            "--provider", help="The name of a provider in the admin: its address and key are used."
        )
        who.add_argument("--agent", help="The slug of an agent: its provider, model and profile are used.")
        parser.add_argument("--model", default="", help="As the provider spells it.")
        parser.add_argument(
            "--profile", default="", help="The profile to begin with; otherwise it is guessed."
        )
        parser.add_argument(
            "--only", action="store_true", help="Try no other profiles when something is refused."
        )
        parser.add_argument(
            "--ask-key",
            action="store_true",
            help="Ask for the key at a prompt. Otherwise: OPENAI_API_KEY for the server of OPENAI_BASE_URL, and "
            "HOLDFAST_MODEL_KEYS.",
        )
        parser.add_argument("--max-requests", type=int, default=budget.requests)
        parser.add_argument("--max-tokens", type=int, default=budget.tokens)
        parser.add_argument(
            "--max-dollars", type=float, default=budget.dollars, help="Where prices are known."
        )
        parser.add_argument("--max-seconds", type=float, default=budget.seconds)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each story as it is told, then the table."""
        spec = self._spec(options)
        if options["ask_key"]:
            spec = replace(spec, key=getpass.getpass("Key: ").strip())
        limits = ("requests", "tokens", "dollars", "seconds")
        budget = Budget(**{name: options[f"max_{name}"] for name in limits})
        report = asyncio.run(self._try(spec, budget, others=not options["only"]))
        self.stdout.write(table(report))
        if not report.fits:
            sys.exit(1)

    async def _try(self, spec: AgentSpec, budget: Budget, *, others: bool) -> Report:
        seen, report = 0, Report(spec.model, spec.base_url, spec.profile)
        try:
            spec = await with_endpoints(spec)
            async for progress in try_agent(spec, model_of, budget=budget, others=others):
                report = progress.report
                news = [*report.told, *report.rescued][seen:]
                seen += len(news)
                for told in news:
                    self.stderr.write(f"[{progress.done}/{progress.total}] {told.profile:<18}{line(told)}")
        finally:
            await close_clients()
        return report

    def _spec(self, options: dict[str, Any]) -> AgentSpec:
        """Who is tried. Raises CommandError."""
        if options["profile"] and options["profile"] not in all_profiles():
            raise CommandError(
                f"There is no profile {options['profile']!r}. Choose from: {', '.join(all_profiles())}."
            )
        if slug := options["agent"]:
            agent = Agent.objects.select_related("provider").filter(slug=slug).first()
            if agent is None:
                raise CommandError(f"There is no agent with the slug {slug!r}.")
            spec = with_defaults(agent.spec())
        elif name := options["provider"]:
            row = ModelProvider.objects.filter(name=name).first()
            if row is None:
                names = ", ".join(ModelProvider.objects.values_list("name", flat=True))
                raise CommandError(f"There is no provider {name!r}. There are: {names}.")
            spec = of_provider(row, options["model"] or self._environment_model(row))
        else:
            try:
                validate_base_url(options["base_url"])
            except ValidationError as problem:
                raise CommandError(" ".join(problem.messages)) from None
            if not options["model"]:
                raise CommandError("Name the model: --model gpt-5-mini.")
            address = options["base_url"]
            spec = AgentSpec("lab", "Lab", base_url=address, key=environment_key(address))
        changed = {name: options[name] for name in ("model", "profile") if options[name]}
        return replace(spec, **changed)

    def _environment_model(self, row: ModelProvider) -> str:
        if not row.follows_environment:
            raise CommandError("Name the model: --model gpt-5-mini.")
        return str(settings.OPENAI_MODEL)
