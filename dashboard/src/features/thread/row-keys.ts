import type { Turn } from "@/stream/turns";

export interface RowKeys {
  /**
   * Returns the key of a turn's row. `outgoingKeyOf` returns the key that a message had while it
   * was pending on this page.
   */
  keyOf(turn: Turn, outgoingKeyOf: (messageId: string) => string | undefined): string | number;
}

/**
 * Creates stable keys for the rows of a thread. The row of a message that was sent from this page
 * gets the key of the pending message, so that it replaces the pending row without being mounted
 * and measured again.
 */
export function createRowKeys(): RowKeys {
  const keys = new Map<number, string | number>();
  return {
    keyOf({ turn, user }, outgoingKeyOf) {
      const known = keys.get(turn);
      if (known !== undefined) return known;
      const key = (user && outgoingKeyOf(user.id)) ?? turn;
      keys.set(turn, key);
      return key;
    },
  };
}
