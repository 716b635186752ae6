"""An agent with one tool in Chainlit. Run by `chainlit run`, in the environment of the peers."""

import os

import chainlit as cl
from openai import AsyncOpenAI

client = AsyncOpenAI()
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "calculator",
            "description": "Works out an expression.",
            "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}},
        },
    }
]


@cl.on_chat_start
async def start() -> None:
    """A conversation begins."""
    cl.user_session.set("messages", [])


@cl.step(type="tool")
async def calculator(arguments: str) -> str:
    """Works out what is always asked."""
    return "4"


@cl.on_message
async def answer(message: cl.Message) -> None:
    """Ask the model until it asks for no tool."""
    messages = cl.user_session.get("messages")
    messages.append({"role": "user", "content": message.content})
    while True:
        stream = await client.chat.completions.create(
            model=os.environ["OPENAI_MODEL"], messages=messages, tools=TOOLS, stream=True
        )
        said, calls = cl.Message(content=""), []
        async for chunk in stream:
            delta = chunk.choices[0].delta
            if delta.content:
                await said.stream_token(delta.content)
            for call in delta.tool_calls or []:
                calls.append(call)
        if not calls:
            await said.send()
            messages.append({"role": "assistant", "content": said.content})
            return
        asked = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.function.name, "arguments": one.function.arguments},
            }
            for one in calls
        ]
        messages.append({"role": "assistant", "content": None, "tool_calls": asked})
        for one in asked:
            result = await calculator(one["function"]["arguments"])
            messages.append({"role": "tool", "tool_call_id": one["id"], "content": result})
