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

/** Returns what the user has not looked at, not counting the chat with the ID `except`. */
export function useAttention(except = ""): Attention {
  const unread = useStore(
    ({ sessions }) => countUnread(sessions) - (sessions[except]?.value?.unread_count ?? 0),
  );
  const failures = useUnseenFailures(except);
  const requests = Object.keys(useOpenRequests()).filter((id) => id !== except);
  return { unread, isCalled: failures > 0 || requests.length > 0 };
}
