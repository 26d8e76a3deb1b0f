"""A graph with a single node, which repeats the last message."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph


async def repeat(state: MessagesState):
    return {"messages": [AIMessage(content=f"You said: {state['messages'][-1].content}")]}


builder = StateGraph(MessagesState)
builder.add_node("repeat", repeat)
builder.add_edge(START, "repeat")
builder.add_edge("repeat", END)
graph = builder.compile()
