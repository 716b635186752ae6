"""An agent with one tool in LangGraph. Run by `langgraph dev`, in the environment of the peers."""

import os

from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


def calculator(expression: str) -> str:
    """Works out an expression."""
    return "4"


model = ChatOpenAI(model=os.environ["OPENAI_MODEL"], streaming=True).bind_tools([calculator])


async def ask(state: MessagesState) -> dict[str, object]:
    """Ask the model."""
    return {"messages": [await model.ainvoke(state["messages"])]}


builder = StateGraph(MessagesState)
builder.add_node("ask", ask)
builder.add_node("tools", ToolNode([calculator]))
builder.add_edge(START, "ask")
builder.add_conditional_edges("ask", tools_condition)
builder.add_edge("tools", "ask")
graph = builder.compile()
