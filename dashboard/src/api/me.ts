import { useQuery } from "@tanstack/react-query";
import { body, client } from "./client";

/** Fetches the current user and role. The result is cached until the page is reloaded. */
export function useMe() {
  return useQuery({
    queryKey: ["me"],
    queryFn: () => body(client.GET("/v1/auth/me")),
  });
}

/** Returns whether the current user may make changes. Returns true until the role is known. */
export function useCanWrite(): boolean {
  return useMe().data?.role !== "viewer";
}
