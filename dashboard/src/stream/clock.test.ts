import { act, renderHook } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { noteServerTime, useServerNow } from "./clock";

afterEach(() => {
  vi.useRealTimers();
});

it("useServerNow follows the server's clock after a correction", () => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T12:00:00.000Z") });
  const { result } = renderHook(() => useServerNow(60_000));

  act(() => noteServerTime("2026-01-01T09:00:00.000Z"));
  expect(new Date(result.current).toISOString()).toBe("2026-01-01T09:00:00.000Z");

  act(() => vi.advanceTimersByTime(60_000));
  expect(new Date(result.current).toISOString()).toBe("2026-01-01T09:01:00.000Z");

  act(() => noteServerTime("not a time"));
  expect(new Date(result.current).toISOString()).toBe("2026-01-01T09:01:00.000Z");
});
