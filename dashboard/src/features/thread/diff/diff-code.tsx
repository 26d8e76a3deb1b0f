/** Renders diffs in answers. It is loaded lazily: import it only through `code-block.tsx`. */
import { memo, useMemo } from "react";
import { tokenClasses } from "../markdown/highlight";
import { type LinePart, languageOf, tokenizeDiff } from "./diff-tokens";
import { type ChangedLine, type FenceFile, type FenceLine, parseFence } from "./fence-lines";

/** The code of a diff with its changed lines marked. Its text is the source of the diff. */
export const DiffCode = memo(function DiffCode({ code }: { code: string }) {
  const files = useMemo(() => parseFence(code), [code]);
  return (
    <code className="diff-code">
      {files.map((file, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: files are identified by their position.
        <FileLines key={index} file={file} />
      ))}
    </code>
  );
});

function FileLines({ file }: { file: FenceFile }) {
  const parts = useMemo(
    () => tokenizeDiff(file.lines.filter(isNumbered), languageOf(file.path)),
    [file],
  );
  return file.lines.map((line, index) => (
    <span
      // biome-ignore lint/suspicious/noArrayIndexKey: lines are identified by their position.
      key={index}
      data-kind={line.kind}
    >
      {isNumbered(line) ? <Change line={line} parts={parts.get(line) ?? []} /> : line.text}
      {"\n"}
    </span>
  ));
}

const isNumbered = (line: FenceLine): line is ChangedLine => "counterpart" in line;

function Change({ line, parts }: { line: ChangedLine; parts: readonly LinePart[] }) {
  return (
    <>
      <span className="diff-sign">{line.sign}</span>
      {parts.map(({ kind, text, isChanged }, index) =>
        kind === "plain" && !isChanged ? (
          text
        ) : (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: all parts are replaced together.
            key={index}
            className={isChanged || kind === "plain" ? "diff-word" : tokenClasses[kind]}
          >
            {text}
          </span>
        ),
      )}
    </>
  );
}
