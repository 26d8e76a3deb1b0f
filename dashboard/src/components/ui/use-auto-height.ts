import { type RefObject, useLayoutEffect } from "react";

/** Keeps a field as high as its text, up to its maximum height. */
export function useAutoHeight(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    // The field is not displayed yet.
    if (element.scrollHeight === 0) return;
    element.style.height = `${element.scrollHeight}px`;
  }, [field, text]);
}
