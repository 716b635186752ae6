"""The dashboard, the alert rules and the pages about them name what there is, and nothing else; PromQL is read by the
parser of another project (that of GreptimeDB, after Prometheus' own grammar)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser as promql
import pytest
import yaml

from chat.telemetry.metrics import REGISTRY
from chat.telemetry.stored import GAUGES
from chat.telemetry.tally import TOTALS
from tests.support.processes import ROOT

ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/holdfast.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
#: What Prometheus adds to everything, and what is in no sample of ours.
ADDED = {"job", "instance", "le"}


def known() -> dict[str, set[str]]:
    """Every series that can be scraped, with its labels."""
    found = {name: set(labels) for name, (_, labels) in GAUGES.items()}
    found |= {name: set(total.labels) for name, total in TOTALS.items()}
    for family in REGISTRY.collect():
        labels = set(getattr(_collector(family.name), "_labelnames", ()))
        match family.type:
            case "counter":
                found[f"{family.name}_total"] = labels
            case "histogram":
                found |= {f"{family.name}_{part}": labels for part in ("bucket", "count", "sum")}
            case "info":
                found[f"{family.name}_info"] = {"role", "version"}
            case _:
                found[family.name] = labels
    return found


def _collector(name: str) -> Any:
    return REGISTRY._names_to_collectors.get(name)


def grafana(expression: str) -> str:
    """As Grafana sends it."""
    return expression.replace("$__rate_interval", "5m")


def selectors(node: Any) -> Iterator[Any]:
    """Every selector of an expression, and every list of labels in it."""
    match node:
        case promql.VectorSelector():
            yield node
        case promql.MatrixSelector():
            yield node.vector_selector
        case promql.BinaryExpr():
            yield from selectors(node.lhs)
            yield from selectors(node.rhs)
        case promql.Call():
            for argument in node.args:
                yield from selectors(argument)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from selectors(node.expr)


def grouped(node: Any) -> Iterator[str]:
    """Every label by which an expression groups."""
    match node:
        case promql.AggregateExpr():
            yield from (node.modifier.labels if node.modifier is not None else ())
            yield from grouped(node.expr)
        case promql.BinaryExpr():
            yield from grouped(node.lhs)
            yield from grouped(node.rhs)
        case promql.Call():
            for argument in node.args:
                yield from grouped(argument)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from grouped(node.expr)


def wrong(expression: str) -> list[str]:
    """What an expression names that there is not."""
    tree, have, problems = promql.parse(expression), known(), []
    labels: set[str] = set(ADDED)
    for selector in selectors(tree):
        if selector.name not in have:
            problems.append(f"there is no {selector.name}")
            continue
        labels |= have[selector.name]
        problems += [
            f"{selector.name} has no label {matcher.name}"
            for matcher in selector.matchers.matchers
            if matcher.name not in have[selector.name] | ADDED
        ]
    return problems + [f"nothing there has a label {label}" for label in grouped(tree) if label not in labels]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_asks_for_what_there_is_and_says_what_and_where(rule: dict[str, Any]) -> None:
    assert wrong(rule["expr"]) == []
    assert rule["labels"]["severity"] in ("critical", "warning")
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert told <= set(grouped(promql.parse(rule["expr"])))
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/runbooks.md" and anchor == rule["alert"].lower()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_shows_what_there_is(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        assert wrong(grafana(target["expr"])) == [], target["expr"]
        told = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        tree = promql.parse(grafana(target["expr"]))
        of_series = {label for one in selectors(tree) for label in known()[one.name]} | ADDED
        assert told <= of_series


def test_the_dashboard_shows_every_figure_of_ours() -> None:
    shown = {
        one.name
        for panel in PANELS
        for target in panel["targets"]
        for one in selectors(promql.parse(grafana(target["expr"])))
    }
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in known() if name.startswith("holdfast_")}
    assert families == {
        re.sub(r"_(bucket|count|sum)$", "", name) for name in shown if name.startswith("holdfast_")
    }
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_each_alert_has_a_section_of_the_runbooks_and_each_section_an_alert() -> None:
    page = (ROOT / "docs/runbooks.md").read_text()
    sections = re.findall(r"^## (Holdfast\w+)$", page, re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES], "in the order of the rules"
    for body in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        for part in ("**It means**", "**Look at**", "**Do**"):
            assert part in body, (body.splitlines()[0], part)


def test_the_page_of_metrics_names_each_with_its_labels() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(holdfast_\w+)` \| ([^|]*) \|", page, re.MULTILINE))
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()}
    have: dict[str, set[str]] = {}
    for name, labels in known().items():
        if name.startswith("holdfast_"):
            have[re.sub(r"_(bucket|count|sum)$", "", name)] = labels
    assert told == have


def test_no_label_is_an_id_or_a_name() -> None:
    bounded = {
        "entrance",
        "state",
        "code",
        "reason",
        "outcome",
        "direction",
        "decision",
        "store",
        "type",
        "model",
    }
    bounded |= {"tool", "kind", "area", "status", "page", "role", "version"}
    ours = {name: labels for name, labels in known().items() if name.startswith("holdfast_")}
    assert {label for labels in ours.values() for label in labels} <= bounded


def test_what_does_not_exist_is_found() -> None:
    assert wrong("sum(holdfast_nonsense_total)") == ["there is no holdfast_nonsense_total"]
    assert wrong('holdfast_runs_active{colour="red"}') == ["holdfast_runs_active has no label colour"]
    assert wrong("sum by (colour) (holdfast_runs_active)") == ["nothing there has a label colour"]
    with pytest.raises(ValueError):
        promql.parse("sum(rate(holdfast_runs_active[5m])")


def test_the_example_of_a_configuration_scrapes_both() -> None:
    told = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert [job["metrics_path"] for job in told["scrape_configs"]] == ["/metrics", "/metrics/installation"]
    assert told["rule_files"] == ["alerts.yml"]
