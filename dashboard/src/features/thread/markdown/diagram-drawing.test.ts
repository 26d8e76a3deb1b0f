import { describe, expect, it } from "vitest";
import { escapeHtml } from "./diagram-drawing";

describe("escapeHtml", () => {
  it.each([
    ['A["<img src=x onerror=alert(1)>"]', 'A["#lt;img src=x onerror=alert(1)>"]'],
    ["</script><!-- x --><BR onclick=x>", "#lt;/script>#lt;!-- x -->#lt;BR onclick=x>"],
  ])("turns tags into text: %j", (source, escaped) => {
    expect(escapeHtml(source)).toBe(escaped);
  });

  it.each(["A <|-- B\nB <--> C\nC <<interface>>", "A[one<br>two<br/>three<BR />four]", "A: x < 1"])(
    "keeps arrows, annotations, and line breaks: %j",
    (source) => {
      expect(escapeHtml(source)).toBe(source);
    },
  );
});
