"""Runs turns on a LangGraph server: `bench.py ADDRESS [NOTE]`. Every answer must repeat its question."""

import asyncio
import sys
import time

import httpx

TURNS = 160
SESSIONS = 16


async def take_turn(client: httpx.AsyncClient, thread: str, number: int) -> float:
    question = f"turn {number}"
    body = {
        "assistant_id": "repeat",
        "input": {"messages": [{"role": "user", "content": question}]},
        "stream_mode": ["updates"],
    }
    begun = time.perf_counter()
    async with client.stream("POST", f"/threads/{thread}/runs/stream", json=body) as response:
        response.raise_for_status()
        text = (await response.aread()).decode()
    assert text.count(f"You said: {question}") == 1, text
    return time.perf_counter() - begun


async def measure(client: httpx.AsyncClient, sessions: int, turns: int) -> tuple[float, list[float]]:
    threads = [(await client.post("/threads", json={})).json()["thread_id"] for _ in range(sessions)]
    numbers, latencies = iter(range(turns)), []

    async def converse(thread: str) -> None:
        for number in numbers:
            latencies.append(await take_turn(client, thread, number))

    begun = time.perf_counter()
    await asyncio.gather(*(converse(thread) for thread in threads))
    return turns / (time.perf_counter() - begun), sorted(latencies)


async def main() -> None:
    note = "".join(f", {note}" for note in sys.argv[2:])
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=f"http://{sys.argv[1]}", timeout=120, limits=limits) as client:
        await measure(client, SESSIONS, SESSIONS * 2)
        rate, _ = await measure(client, SESSIONS, TURNS)
        print(f"Turns per second, {SESSIONS} sessions{note}\t{rate}")
        _, latencies = await measure(client, 1, 10)
        print(f"One session, send → answer, p50, ms{note}\t{1000 * latencies[len(latencies) // 2]}")


asyncio.run(main())
