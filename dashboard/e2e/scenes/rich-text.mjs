/** Messages with math, a diagram, a table, HTML, right-to-left text, and pasted code. */

export const RICH_ANSWER = `# Quicksort

Quicksort picks a **pivot**, splits the list, and sorts *both halves*. It needs $O(n \\log n)$ steps on average.
It saves between $5 and $10. Press <kbd>Ctrl</kbd> + <kbd>C</kbd> to stop.

## Recurrence

$$
T(n) = 2\\,T\\!\\left(\\frac{n}{2}\\right) + \\Theta(n), \\qquad \\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}
$$

\`\`\`mermaid
graph TD
  A[Start] --> B{One item?}
  B -- yes --> C[Return]
  B -- no --> D[Partition]
  D --> A
\`\`\`

| Option | What it means | When to choose it | Cost | Effort |
|---|---|---|---|---|
| PostgreSQL | A relational database with extensions and replication. | Several services write at once.<br>Also for JSON. | 10 | 3 |
| SQLite | One file, no server. | A single machine. | 0 | 1 |

<details>
<summary>More</summary>

Hidden **text**.

</details>

- مرحبا بالعالم
- عنصر ثان

> اقتباس

**「重点」**内容 https://example.org/a，然后`;

/** An answer with a diff, long code, code with long lines, and a small table. */
export const CODE_ANSWER = `The loop reads one line too many. This change fixes it:

\`\`\`diff
--- a/src/reader.py
+++ b/src/reader.py
@@ -10,6 +10,7 @@ class Reader:
     def lines(self, limit: int = 10):
-        for index in range(limit + 1):
-            yield self.source.readline()
+        for index in range(limit):
+            line = self.source.readline()
+            yield line.rstrip("\\n")
     # The source is closed by its owner.
\`\`\`

| Case | Lines |
|---|--:|
| before | 11 |
| after | 10 |

The types of the settings:

\`\`\`ts
import { readFile } from "node:fs/promises";

/** The settings of a reader. */
export interface ReaderSettings {
  readonly limit: number; // At least 1.
  readonly encoding: "utf8" | "latin1" | null;
}

@sealed
export class Reader extends Base<ReaderSettings> {
  async read(path: string): Promise<string[]> {
    const text = await readFile(path, { encoding: this.settings.encoding ?? "utf8", signal: AbortSignal.timeout(5_000) });
    return text.split("\\n").slice(0, this.settings.limit);
  }
}
\`\`\`

And a file with all of them:

\`\`\`yaml
${Array.from({ length: 60 }, (_, index) => `setting_${index + 1}: ${index % 2 ? `"value ${index}"` : index} # default`).join("\n")}
\`\`\`

That is all.`;

export const PASTED_CODE = `Why is this slow?

${Array.from({ length: 40 }, (_, index) => `const value${index} = compute(${index}, { flag: true, name: "a name that makes the line long" });`).join("\n")}

See https://example.com/a_b.`;
