import { useQuery } from "@tanstack/react-query";
import { body, client } from "./client";
import type { Folder } from "./models";

const RECHECK_MS = 30_000;

/** Fetches the folders in which agents can work. */
export function useFolders() {
  return useQuery({
    queryKey: ["folders"],
    queryFn: async () => (await body(client.GET("/v1/folders"))).items,
    staleTime: RECHECK_MS,
    refetchOnWindowFocus: true,
  });
}

/** Returns the folder with the key, or undefined if it does not exist or is not loaded yet. */
export function useFolder(key: string): Folder | undefined {
  const { data } = useFolders();
  return data?.find((folder) => folder.key === key);
}
