import { CodeBlock } from "./code-block";
export function Diagram({ source }: { source: string }) {
  return <CodeBlock code={source} language="mermaid" name={undefined} />;
}
