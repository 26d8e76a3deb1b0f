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

export const PASTED_CODE = `Why is this slow?

${Array.from({ length: 40 }, (_, index) => `const value${index} = compute(${index}, { flag: true, name: "a name that makes the line long" });`).join("\n")}

See https://example.com/a_b.`;
