from urllib.parse import urlsplit

from django.db import migrations


def _spelling(address):
    """One spelling of an address, as agents/serving/keys.py has it."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return address.strip()
    if not parts.hostname:
        return address.strip()
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def give_providers(apps, schema_editor):
    """A row for the environment, and one for each address that agents or their fallbacks name. Nothing that is there
    is changed: releases before this one go on reading it."""
    using = schema_editor.connection.alias
    Provider = apps.get_model("agents", "ModelProvider").objects.using(using)
    Agent = apps.get_model("agents", "Agent").objects.using(using)
    Fallback = apps.get_model("agents", "AgentFallback").objects.using(using)
    environment, _ = Provider.get_or_create(follows_environment=True, defaults={"name": "Environment"})
    taken = set(Provider.values_list("name", flat=True))
    known = {_spelling(one.address): one for one in Provider.filter(follows_environment=False)}

    def provider(address):
        if not address.strip():
            return environment
        spelling = _spelling(address)
        if spelling not in known:
            name = wanted = (spelling.partition("://")[2] or spelling)[:90]
            number = 2
            while name in taken:
                name, number = f"{wanted} {number}", number + 1
            taken.add(name)
            known[spelling] = Provider.create(name=name, address=address)
        return known[spelling]

    for agent in Agent.order_by("pk"):
        if agent.mirrored is not None:
            continue
        main = provider(agent.base_url)
        if agent.fallback_model:
            other = provider(agent.fallback_base_url) if agent.fallback_base_url.strip() else main
            Fallback.create(agent_id=agent.pk, position=1, provider_id=other.pk, model=agent.fallback_model)
        mirrored = [agent.base_url, agent.fallback_model, agent.fallback_base_url]
        Agent.filter(pk=agent.pk).update(provider_id=main.pk, mirrored=mirrored)


class Migration(migrations.Migration):
    dependencies = [("agents", "0009_providers")]

    operations = [migrations.RunPython(give_providers, migrations.RunPython.noop)]
