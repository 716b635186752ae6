"""How the loop gets at files: read once, before the request; and a model that turns out not to see."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.errors import IMAGES, classify
from agents.spec import AgentSpec
from tests.agents.test_loop import Bench, look
from tests.support.pictures import picture
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.shell import Shell

AGENT = AgentSpec("a", "A", model="gpt-5", profile="openai-chat", tools=("look",))
PHOTO = e.AttachmentRef(id="i", name="photo.png", media_type="image/png", size=100)
BLIND = "Invalid content type. image_url is only supported by certain models."


class Drawer:
    """Files in memory."""

    def __init__(self) -> None:
        self.read_ids: list[str] = []
        self.stuck = False

    async def read(self, id: str) -> FileContent | None:
        self.read_ids.append(id)
        if self.stuck:
            await asyncio.Event().wait()
        return FileContent("image/png", picture()) if id == "i" else None


async def test_a_file_is_read_once_and_shown_with_every_request() -> None:
    shell, drawer = Shell(), Drawer()
    shell.files = drawer
    shell.say("look", PHOTO)
    model = ScriptedModel(asks(look("a")), says("A square."))
    await shell.work(AGENT, model, Bench().toolbox())
    assert drawer.read_ids == ["i"]
    assert all(body["messages"][0]["content"][1]["type"] == "image_url" for body in model.bodies)


async def test_an_agent_says_whether_its_model_sees() -> None:
    shell, drawer = Shell(), Drawer()
    shell.files = drawer
    shell.say("look", PHOTO)
    model = ScriptedModel(says("What picture?"))
    await shell.work(replace(AGENT, vision=False), model, Bench().toolbox())
    assert "This model cannot see images." in model.bodies[0]["messages"][0]["content"]
    assert drawer.read_ids == []


async def test_T5_a_model_that_turns_out_to_be_blind_gets_the_names_and_keeps_its_tools() -> None:
    shell = Shell()
    shell.files = Drawer()
    shell.say("look", PHOTO)
    refused = classify(400, BLIND)
    assert getattr(refused, "kind", "") == IMAGES
    model = ScriptedModel([refused], asks(look("a")), says("done"))
    await shell.work(AGENT, model, Bench().toolbox())
    assert isinstance(shell.last(), e.RunFinished)
    assert isinstance(model.bodies[0]["messages"][0]["content"], list)
    later = [body["messages"] for body in model.bodies[1:]]
    assert all("cannot see images" in messages[0]["content"] for messages in later)
    assert later[1][1]["tool_calls"], "only the picture was taken away, not the tools"


async def test_T5_a_model_that_goes_on_refusing_ends_the_run() -> None:
    shell = Shell()
    shell.say("look", PHOTO)
    model = ScriptedModel([classify(400, BLIND)])
    await shell.work(AGENT, model, Bench().toolbox())
    bodies = [str(body) for body in model.bodies]
    assert isinstance(shell.last(), e.RunFailed) and len(bodies) == len(set(bodies)) > 2


async def test_R7_a_stop_does_not_wait_for_a_storage_that_hangs() -> None:
    shell, drawer = Shell(), Drawer()
    drawer.stuck, shell.files = True, drawer
    shell.say("look", PHOTO)
    work = asyncio.create_task(shell.work(AGENT, ScriptedModel(says("x")), Bench().toolbox()))
    while not drawer.read_ids:
        await asyncio.sleep(0.01)
    shell.ask_to_stop()
    await asyncio.wait_for(work, 10)
    assert isinstance(shell.last(), e.RunStopped)
