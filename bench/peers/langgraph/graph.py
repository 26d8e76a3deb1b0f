"""A graph with a single node, which repeats the last message."""

import asyncio
import os
import types

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

# Interval, in seconds, at which the in-memory queue polls for work while it is idle.
IDLE_POLL = 0.5


def shorten_poll(seconds: float) -> None:
    """Makes the queue poll for work more often by replacing its `sleep`, because LangGraph has no setting for this."""
    from langgraph_runtime_inmem import ops

    async def sleep(delay: float, result=None):
        return await asyncio.sleep(seconds if delay == IDLE_POLL else delay, result)

    ops.asyncio = types.SimpleNamespace(**(vars(asyncio) | {"sleep": sleep}))


if "POLL_SECONDS" in os.environ:
    shorten_poll(float(os.environ["POLL_SECONDS"]))


async def repeat(state: MessagesState):
    return {"messages": [AIMessage(content=f"You said: {state['messages'][-1].content}")]}


builder = StateGraph(MessagesState)
builder.add_node("repeat", repeat)
builder.add_edge(START, "repeat")
builder.add_edge("repeat", END)
graph = builder.compile()
