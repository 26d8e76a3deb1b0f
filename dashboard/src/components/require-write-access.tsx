import type { ReactNode } from "react";
import { useCanWrite } from "@/api/me";

/** Shows its children only to users who may make changes. */
export function RequireWriteAccess({ children }: { children: ReactNode }) {
  return useCanWrite() ? children : null;
}
