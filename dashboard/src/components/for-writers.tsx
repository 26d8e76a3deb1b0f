import type { ReactNode } from "react";
import { useCanWrite } from "@/api/me";

/** What changes something: a viewer's key may only read, so it is not offered. */
export function ForWriters({ children }: { children: ReactNode }) {
  return useCanWrite() ? children : null;
}
