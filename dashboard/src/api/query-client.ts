import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";

/**
 * The Query client. By default, queries are retried without limit unless the server rejects them,
 * and fetched data never becomes stale: the stream keeps it current or triggers a new fetch.
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
