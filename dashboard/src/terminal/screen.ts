/**
 * Renders a program's output as a terminal would: with redrawn lines in their last state, and
 * without control sequences.
 *
 * The screen has as many lines as the output. Carriage return, backspace, relative cursor movement,
 * absolute columns, and erasing are supported. Sequences that depend on the size of a window
 * (absolute positions, scroll regions, the alternate screen) are ignored, except for the home
 * position, which is the first line.
 */
import { type CODE, parse } from "@ansi-tools/parser";
import { applyStyle, plain, type Style } from "./style";

export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** The last column to which a sequence can move the cursor. */
const MAX_COLUMN = 400;

interface Cell {
  character: string;
  style: Style;
}

/**
 * A line. It consists of spans while text is only appended. Any other change splits it into cells.
 */
interface Line {
  spans: { text: string; style: Style }[];
  /** The number of cells that the line would have if it were split. */
  length: number;
  cells: Cell[] | null;
}

const makeLine = (): Line => ({ spans: [], length: 0, cells: null });
const blank: Cell = { character: " ", style: plain };

function isSame(one: Style, other: Style): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function append(spans: { text: string; style: Style }[], text: string, style: Style): void {
  const last = spans.at(-1);
  if (last && isSame(last.style, style)) last.text += text;
  else spans.push({ text, style });
}

function split(line: Line): Cell[] {
  line.cells ??= line.spans.flatMap(({ text, style }) =>
    Array.from(text, (character) => ({ character, style })),
  );
  return line.cells;
}

/**
 * Joins cells into spans. Omits trailing blanks without a background color, because programs use
 * them to cover longer text when they redraw a line.
 */
function join(line: Line): readonly Span[] {
  if (!line.cells) return line.spans;
  const cells = [...line.cells];
  while (cells.at(-1)?.character === " " && cells.at(-1)?.style.background === undefined)
    cells.pop();
  const spans: { text: string; style: Style }[] = [];
  for (const { character, style } of cells) append(spans, character, style);
  return spans;
}

class Screen {
  readonly lines: Line[] = [makeLine()];
  #row = 0;
  #column = 0;
  #style: Style = plain;

  /** Returns the line at the cursor. */
  #line(): Line {
    const line = this.lines[this.#row];
    if (line) return line;
    const added = makeLine();
    this.lines[this.#row] = added;
    return added;
  }

  #write(code: CODE): void {
    if (code.type === "TEXT") this.#writeText(code.raw);
    else if (code.type === "CSI") this.#control(code.command, code.params, code.parameterGroups);
    else if (code.type === "OSC" && code.raw.includes("\n")) {
      // An unterminated sequence must not hide the following lines.
      this.write(code.raw.slice(code.raw.indexOf("\n")));
    }
  }

  write(text: string): void {
    for (const code of parse(text)) this.#write(code);
  }

  #writeText(text: string): void {
    for (const part of text.split(CONTROLS)) {
      if (part === "\n" || part === "\v" || part === "\f") {
        this.#row += 1;
        this.#column = 0;
        this.#line();
      } else if (part === "\r") this.#column = 0;
      else if (part === "\b") this.#column = Math.max(0, this.#column - 1);
      else if (part !== "" && !CONTROL.test(part)) this.#put(part);
    }
  }

  #put(text: string): void {
    const line = this.#line();
    const length = line.cells?.length ?? line.length;
    const characters = line.cells || this.#column < length ? Array.from(text) : null;
    if (!characters && this.#column === length) {
      const count = countCharacters(text);
      append(line.spans, text, this.#style);
      line.length += count;
      this.#column += count;
      return;
    }
    const cells = split(line);
    while (cells.length < this.#column) cells.push(blank);
    for (const character of characters ?? text) {
      cells[this.#column] = { character, style: this.#style };
      this.#column += 1;
    }
  }

  #control(command: string, params: readonly string[], groups?: readonly (readonly string[])[]) {
    const count = Math.max(1, Number(params[0]) || 1);
    const last = this.lines.length - 1;
    switch (command) {
      case "m":
        this.#style = applyStyle(this.#style, groups ?? params.map((one) => [one]));
        break;
      case "A":
      case "F":
        this.#row = Math.max(0, this.#row - count);
        if (command === "F") this.#column = 0;
        break;
      case "B":
      case "E":
        this.#row = Math.min(last, this.#row + count);
        if (command === "E") this.#column = 0;
        break;
      case "C":
        this.#column = Math.min(Math.max(this.#column, MAX_COLUMN), this.#column + count);
        break;
      case "D":
        this.#column = Math.max(0, this.#column - count);
        break;
      case "G":
      case "`":
        this.#column = Math.min(MAX_COLUMN, count - 1);
        break;
      case "H":
      case "f":
        if (count > 1 || Number(params[1]) > 1) break;
        this.#row = 0;
        this.#column = 0;
        break;
      case "K":
        this.#eraseLine(Number(params[0]) || 0);
        break;
      case "J":
        this.#erase(Number(params[0]) || 0);
        break;
      default:
        // A line break within a sequence still breaks the line.
        if (command.startsWith("\n")) this.#writeText(command);
    }
  }

  /**
   * Erases the line from the cursor (0), up to and including the cursor (1), or entirely (2). The
   * cursor does not move.
   */
  #eraseLine(part: number): void {
    const line = this.#line();
    // There is nothing to erase, which is common after colored text.
    if (part === 0 && !line.cells && this.#column >= line.length) return;
    const cells = split(line);
    if (part === 0) cells.splice(this.#column);
    else if (part === 2) cells.splice(0);
    else cells.fill(blank, 0, this.#column + 1);
  }

  /** Erases from the cursor to the end of the screen (0), or the entire screen (2 and 3). */
  #erase(part: number): void {
    if (part === 0) {
      this.#eraseLine(0);
      this.lines.splice(this.#row + 1);
    } else if (part >= 2) {
      this.lines.splice(0, this.lines.length, makeLine());
      this.#row = 0;
      this.#column = 0;
    }
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters.
const CONTROLS = /([\u0000-\u0008\u000a-\u001f\u007f-\u009f])/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters.
const CONTROL = /^[\u0000-\u0008\u000a-\u001f\u007f-\u009f]$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters.
const BESIDES_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters.
const ALL_CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function draw(text: string): readonly (readonly Span[])[] {
  const screen = new Screen();
  screen.write(text);
  return screen.lines.map(join);
}

/** Returns the text, including line breaks, as spans that each have one style. */
export function renderTerminal(text: string): readonly Span[] {
  const spans: { text: string; style: Style }[] = [];
  for (const [index, line] of draw(text).entries()) {
    // A line break has no style.
    const last = spans.at(-1);
    if (index > 0 && last && last.style.background === undefined && !last.style.isInverse)
      last.text += "\n";
    else if (index > 0) append(spans, "\n", plain);
    for (const { text: part, style } of line) append(spans, part, style);
  }
  return spans;
}

/** Returns whether the text contains control characters other than tab and line feed. */
export function hasControls(text: string): boolean {
  return BESIDES_LINES.test(text);
}

/**
 * Returns whether the text contains escape sequences or redrawn lines. Carriage returns that are
 * line ends are not redrawing.
 */
export function isRedrawn(text: string): boolean {
  if (text.includes("\u001b") || text.includes("\b")) return true;
  return text.includes("\n") && /\r[^\r\n]/.test(text);
}

/** Returns the text that a terminal would show, without styles. */
export function toPlainText(text: string): string {
  if (!hasControls(text)) return text;
  return draw(text)
    .map((line) => line.map((span) => span.text).join(""))
    .join("\n");
}

/**
 * Returns a title without control sequences. Its line breaks are kept. Redrawing is not applied,
 * because it could hide part of a permission request's title.
 */
export function toLine(text: string): string {
  if (!hasControls(text)) return text;
  const parts = parse(text).map((code) => (code.type === "TEXT" ? code.raw : ""));
  return parts.join("").replace(ALL_CONTROLS, " ").replace(/ {2,}/g, " ").trim();
}

/**
 * Replaces control characters other than tabs and line breaks with visible symbols, such as `␛`, so
 * that the text is shown exactly.
 */
export function showControls(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(ALL_CONTROLS, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "␡" : "\ufffd";
  });
}
