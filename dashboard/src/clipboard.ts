/** Copies text, and its rendered form for applications that accept rich text, except over plain HTTP. */
export async function copyRichText(text: string, html: string): Promise<void> {
  if (html === "" || !navigator.clipboard || !("ClipboardItem" in window)) return copyText(text);
  const types = { "text/plain": text, "text/html": html };
  const blobs = Object.entries(types).map(([type, data]) => [type, new Blob([data], { type })]);
  await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
}

/** Copies text. This also works over plain HTTP, where the clipboard API is unavailable. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("The browser did not copy the text.");
}
