import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";

/**
 * Requests that failed for a passing reason are tried again for as long as somebody waits for
 * them. What was fetched never goes stale by age: the stream keeps it current, or asks for more.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: Number.POSITIVE_INFINITY,
      retry: (_failures, error) => !(error instanceof ApiError) || error.isTransient,
      retryDelay: (failures) => Math.min(5000, 500 * 2 ** failures) * (0.5 + Math.random() / 2),
      refetchOnWindowFocus: false,
    },
  },
});
