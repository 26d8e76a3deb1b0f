/** Copies selected text with its math as LaTeX. Browsers would copy each symbol several times. */

const closestMath = (node: Node) =>
  (node instanceof Element ? node : node.parentElement)?.closest(".katex") ?? null;

/** Returns the selected content, in which formulas are replaced by their source, or null if there are none. */
function cloneSelection(selection: Selection): DocumentFragment | null {
  const range = selection.getRangeAt(0).cloneRange();
  // A formula that is selected in part is copied as a whole.
  const [first, last] = [closestMath(range.startContainer), closestMath(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const content = range.cloneContents();
  const formulas = content.querySelectorAll(".katex");
  if (formulas.length === 0) return null;
  for (const formula of formulas) {
    const source = formula.querySelector("annotation")?.textContent ?? "";
    const display = formula.closest(".katex-display");
    if (display) display.replaceWith(`$$${source}$$`);
    else formula.replaceWith(`$${source}$`);
  }
  for (const control of content.querySelectorAll("button, .sr-only, [data-code-header]"))
    control.remove();
  return content;
}

function onCopy(event: ClipboardEvent): void {
  const selection = document.getSelection();
  if (!event.clipboardData || !selection || selection.isCollapsed) return;
  const content = cloneSelection(selection);
  if (!content) return;
  // Only rendered text has line breaks.
  const copy = document.createElement("div");
  copy.className = "markdown fixed -start-full top-0";
  copy.append(content);
  document.body.append(copy);
  event.clipboardData.setData("text/plain", copy.innerText);
  event.clipboardData.setData("text/html", copy.innerHTML);
  copy.remove();
  event.preventDefault();
}

/** Copies math as its source from now on. */
export function copyMathAsSource(): void {
  document.addEventListener("copy", onCopy);
}
