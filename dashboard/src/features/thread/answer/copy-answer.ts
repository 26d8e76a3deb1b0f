import { copyRichText } from "@/clipboard";

/**
 * Copies an answer's source, and its rendered form for applications that accept rich text. Over
 * plain HTTP, only the source is copied.
 */
export async function copyAnswer(source: string, answer: Element | null): Promise<void> {
  await copyRichText(source, answer ? toHtml(answer) : "");
}

/** Returns the rendered text of an answer without its controls. */
function toHtml(answer: Element): string {
  const parts = [...answer.querySelectorAll("[data-answer]")].map((part) => {
    const copy = part.cloneNode(true) as Element;
    for (const element of copy.querySelectorAll(
      "button, .sr-only, [aria-hidden='true'], [data-code-header]",
    ))
      element.remove();
    for (const element of [copy, ...copy.querySelectorAll("*")])
      for (const name of ["class", "style"]) element.removeAttribute(name);
    return copy.innerHTML;
  });
  return parts.join("\n");
}
