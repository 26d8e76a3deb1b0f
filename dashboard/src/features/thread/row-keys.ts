import type { Turn } from "@/stream/turns";

export interface RowKeys {
  /**
   * Returns the key of a turn's row. `outgoingKeyOf` returns the key that a message had while it
   * was pending on this page.
   */
  keyOf(turn: Turn, outgoingKeyOf: (messageId: string) => string | undefined): string | number;
}

/**
 * Creates an object that returns stable keys for the rows of a thread. A message sent from this
 * page keeps the key that it had while it was pending, so that its row is not mounted and measured
 * again.
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
