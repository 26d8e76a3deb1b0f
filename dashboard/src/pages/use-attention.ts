import { useUnseenFailures } from "@/features/sessions/use-failures";
import { useOpenRequests } from "@/features/sessions/use-open-requests";
import { countUnread } from "@/stream/session-order";
import { useStore } from "@/stream/store";

/** What the user has not looked at. */
export interface Attention {
  /** The number of unread answers. */
  readonly unread: number;
  /** Whether a permission request is open or a turn has failed. */
  readonly isCalled: boolean;
}

export function useAttention(): Attention {
  const unread = useStore((state) => countUnread(state.sessions));
  const failures = useUnseenFailures();
  const requests = useOpenRequests();
  return { unread, isCalled: failures > 0 || Object.keys(requests).length > 0 };
}
