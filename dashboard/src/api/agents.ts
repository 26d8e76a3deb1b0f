import { useQuery } from "@tanstack/react-query";
import { body, client } from "./client";
import type { Agent } from "./models";

const RECHECK_MS = 30_000;

/**
 * Fetches the configured agents. They are kept in the Query cache rather than the store, because
 * the stream has no events about them.
 */
export function useAgents({ refetchOnMount = true } = {}) {
  return useQuery({
    queryKey: ["agents"],
    queryFn: async () => (await body(client.GET("/v1/agents"))).items,
    staleTime: RECHECK_MS,
    refetchOnMount,
    refetchOnWindowFocus: true,
  });
}

/** Returns whether any files can be sent to an agent that accepts these kinds of files. */
export function acceptsFiles(accepts: Agent["accepts"] | undefined): boolean {
  return accepts !== undefined && (accepts.images || accepts.files);
}

/**
 * Returns the agent with the key, or undefined if it does not exist or the agents are not loaded
 * yet.
 */
export function useAgent(key: string | undefined): Agent | undefined {
  const { data } = useAgents();
  return data?.find((agent) => agent.key === key);
}
