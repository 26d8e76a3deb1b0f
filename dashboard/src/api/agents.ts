import { useQuery } from "@tanstack/react-query";
import { body, client } from "./client";
import type { Agent } from "./models";

const RECHECK_MS = 30_000;

/** The configured agents. They live in the Query cache: the stream says nothing about them. */
export function useAgents() {
  return useQuery({
    queryKey: ["agents"],
    queryFn: async () => (await body(client.GET("/v1/agents"))).items,
    staleTime: RECHECK_MS,
    refetchOnMount: true,
    refetchOnWindowFocus: true,
  });
}

/** The agent with this key, as far as it is known already. */
export function useAgent(key: string | undefined): Agent | undefined {
  const { data } = useAgents();
  return data?.find((agent) => agent.key === key);
}
