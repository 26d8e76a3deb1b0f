/** The plugins of the Markdown renderer. They are loaded lazily with it. */
import type { Extension as MdastExtension } from "mdast-util-from-markdown";
import type { Extension } from "micromark-util-types";
import remarkBreaks from "remark-breaks";
import cjkFriendly from "remark-cjk-friendly";
import cjkFriendlyStrikethrough from "remark-cjk-friendly-gfm-strikethrough";
import { defaultRehypePlugins, defaultRemarkPlugins } from "streamdown";
import type { Pluggable, PluggableList, Processor } from "unified";
import { setDirection } from "./block-direction";
import { replaceHtml } from "./html-syntax";
import { HTML_ELEMENTS } from "./html-tags";
import { linkSyntax } from "./link-syntax";
import { lowerProtocols } from "./lower-protocols";
import { mathFromMarkdown, mathSyntax } from "./math-syntax";
import { markOpenFences } from "./open-fences";
import { unlinkFiles } from "./unlink-files";

/** The parser's extensions. */
interface ParserData {
  micromarkExtensions?: Extension[];
  fromMarkdownExtensions?: MdastExtension[];
}

/** Adds the syntax of math and of addresses in languages without spaces between words. */
function addSyntax(this: Processor): void {
  const data = this.data() as ParserData;
  data.micromarkExtensions = [...(data.micromarkExtensions ?? []), linkSyntax, mathSyntax];
  data.fromMarkdownExtensions = [...(data.fromMarkdownExtensions ?? []), mathFromMarkdown];
}

/** Returns a default plugin of the renderer with other options. */
function configure(plugin: Pluggable | undefined, change: (options: object) => object): Pluggable {
  if (!Array.isArray(plugin)) throw new Error("The renderer has no such plugin.");
  const [attacher, options] = plugin as [Pluggable & ((options: object) => void), object];
  return [attacher, change(options)] as Pluggable;
}

const strikethrough = { singleTilde: false };

export const remarkPlugins: PluggableList = [
  cjkFriendly,
  configure(defaultRemarkPlugins.gfm, () => strikethrough),
  [cjkFriendlyStrikethrough, strikethrough],
  addSyntax,
  replaceHtml,
  // Every line break is kept, as in other chats.
  remarkBreaks,
];

const sanitize = configure(defaultRehypePlugins.sanitize, (schema) => ({
  ...schema,
  tagNames: [...((schema as { tagNames?: string[] }).tagNames ?? []), ...HTML_ELEMENTS],
}));

export const rehypePlugins: PluggableList = [
  lowerProtocols,
  sanitize,
  // After unsafe URLs are removed, and before `harden`, which marks links without a valid URL as
  // blocked.
  unlinkFiles,
  ...(defaultRehypePlugins.harden ? [defaultRehypePlugins.harden] : []),
  markOpenFences,
  setDirection,
];
