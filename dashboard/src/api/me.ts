import { useQuery } from "@tanstack/react-query";
import { body, client } from "./client";

/** Who is signed in, and as what. It does not change while the page lives. */
export function useMe() {
  return useQuery({
    queryKey: ["me"],
    queryFn: () => body(client.GET("/v1/auth/me")),
  });
}

/** Whether the key that is used may change anything. As long as that is not known, it may. */
export function useCanWrite(): boolean {
  return useMe().data?.role !== "viewer";
}
