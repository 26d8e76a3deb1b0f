/** The part of a text around the first match. */
export interface Snippet {
  readonly snippet: string;
  /** The matches in the snippet: the start and the end of each, in code points, in ascending order. */
  readonly highlights: readonly (readonly number[])[];
}

/** A part of a snippet that is or is not highlighted. */
interface SnippetPart {
  readonly text: string;
  readonly isMatch: boolean;
}

/** Divides a snippet at its highlights. */
export function splitSnippet({ snippet, highlights }: Snippet): readonly SnippetPart[] {
  const characters = [...snippet];
  const parts: SnippetPart[] = [];
  let end = 0;
  const add = (to: number, isMatch: boolean) => {
    if (to > end) parts.push({ text: characters.slice(end, to).join(""), isMatch });
    end = Math.max(end, to);
  };
  for (const [from = 0, to = 0] of highlights) {
    add(from, false);
    add(to, true);
  }
  add(characters.length, false);
  return parts;
}
