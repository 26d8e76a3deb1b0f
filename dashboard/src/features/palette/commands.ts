/** What the palette offers, and what of it a query leaves. */
import type { ReactNode } from "react";

export interface Command {
  readonly id: string;
  readonly group: string;
  readonly label: string;
  readonly icon: ReactNode;
  /** More words that find it. */
  readonly words?: string;
  readonly keys?: string;
  readonly run: () => void;
}

/** More would not be looked at. */
const MAX_SHOWN = 30;

/** Those that have every word of the query; whose label begins with it come first in their group. */
export function findCommands(commands: readonly Command[], query: string): readonly Command[] {
  const wanted = query.trim().toLocaleLowerCase();
  const words = wanted.split(/\s+/);
  const found = commands.filter(({ label, words: more }) => {
    const text = `${label} ${more ?? ""}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (wanted === "") return found.slice(0, MAX_SHOWN);
  const groups = [...new Set(found.map(({ group }) => group))];
  const rank = ({ group, label }: Command) =>
    groups.indexOf(group) * 2 + Number(!label.toLocaleLowerCase().startsWith(wanted));
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, MAX_SHOWN);
}
