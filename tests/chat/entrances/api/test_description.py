"""The OpenAPI description of the API: valid by a public validator, and true (make fuzz asks it for long)."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chat.entrances.api import api as http
from chat.entrances.openai_api import api as openai
from chat.http.programs import ProgramApi
from tests.support.program_house import House, Program


@pytest.fixture
async def described(house: House, program: Program) -> Any:
    stranger = Program("", "/api/v1")
    return await stranger.ask("GET", "/openapi.json")


async def test_it_is_valid_openapi_3_1(described: Any) -> None:
    assert described["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


async def test_every_route_wants_a_token_and_says_how_it_refuses(described: Any) -> None:
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"TokenAuth": []}], (method, path)
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


async def test_ids_of_operations_stay(described: Any) -> None:
    """Generated clients are named by them."""
    found = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert sorted(found) == [
        *(
            "beginConversation",
            "changeAgent",
            "decideCall",
            "deleteConversation",
            "followConversation",
            "getCall",
        ),
        *("getConversation", "getRun", "getToken", "listAgents", "listConversations", "listItems"),
        *("renameConversation", "sendMessage", "settleCall", "stopRun"),
    ]


@pytest.mark.parametrize("api", [http.API, openai.API], ids=["api", "openai"])
def test_it_is_made_once_because_anybody_may_ask_for_it(api: ProgramApi) -> None:
    assert api.get_openapi_schema() is api.get_openapi_schema()
