#!/usr/bin/env node
// Checks that the modules of a crate do not import each other in cycles.
//
// Reads each file's `use` items and its paths that start with `crate`, `super`, `self`, a child module, or an imported
// module. Follows re-exports to the module that defines the item, and then searches the graph of modules for strongly
// connected components. Ignores tests, `mod` declarations, imports from an ancestor, and re-exports that the module
// itself does not use. `cargo modules dependencies --acyclic` is not suitable, because it reports every type with a
// method as a cycle.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const CRATES = ["shared", "telemetry", "api", "worker", "tests", "bench"];

/** Returns the source files of a crate's library, except tests. */
function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["tests", "bin"].includes(entry.name) ? [] : sourceFiles(path);
    return entry.name.endsWith(".rs") && !["tests.rs", "main.rs"].includes(entry.name) ? [path] : [];
  });
}

/** Returns the module path of a file, such as `stream::hub`; the crate root is empty. */
function moduleOf(file, src) {
  const path = relative(src, file).replace(/\.rs$/, "").split("/");
  if (["mod", "lib"].includes(path.at(-1))) path.pop();
  return path.join("::");
}

/** Blanks out comments, strings, and unit tests. Line breaks are kept, so that line numbers remain correct. */
function code(text) {
  const blank = (match) => match.replace(/[^\n]/g, " ");
  return text
    .replace(/r(#+)"[\s\S]*?"\1/g, blank)
    .replace(/\/\/[^\n]*|"(?:\\[\s\S]|[^"\\])*"|'(?:\\.|[^'\\\n])'/g, blank)
    .replace(/#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))?\s+)?(?:mod\s+\w+\s*\{[\s\S]*|(?:mod|use)\b[^;]*;)/g, blank);
}

/** Expands a tree such as `a::{b, c::d as e}` into paths, each with the name that it introduces. */
function expand(tree, prefix = []) {
  const text = tree.trim();
  const brace = text.indexOf("{");
  if (brace < 0) {
    const [path, alias] = text.split(/\s+as\s+/);
    const segments = [...prefix, ...path.split("::").map((segment) => segment.trim())].filter(Boolean);
    if (segments.at(-1) === "self") segments.pop();
    return [{ segments, name: alias?.trim() ?? segments.at(-1) }];
  }
  const head = text.slice(0, brace).split("::").map((segment) => segment.trim()).filter(Boolean);
  const items = [];
  let [depth, start] = [0, brace + 1];
  for (let index = brace; index < text.length; index += 1) {
    if (text[index] === "{") depth += 1;
    if (text[index] === "}") depth -= 1;
    if ((text[index] === "," && depth === 1) || depth === 0) {
      items.push(text.slice(start, index));
      start = index + 1;
    }
    if (depth === 0) break;
  }
  return items.filter((item) => item.trim()).flatMap((item) => expand(item, [...prefix, ...head]));
}

/** Reads a crate. Returns the code, `use` items, and definitions of each module. */
function readCrate(src) {
  const modules = new Map();
  for (const file of sourceFiles(src)) {
    const text = code(readFileSync(file, "utf8"));
    const uses = [];
    const rest = text.replace(/^([ \t]*)(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);/gm, (item, indent, visibility, tree, offset) => {
      const line = text.slice(0, offset).split("\n").length;
      for (const use of expand(tree)) uses.push({ ...use, line, isReExport: Boolean(visibility) });
      return item.replace(/[^\n]/g, " ");
    });
    const definitions = rest.matchAll(/\b(?:fn|struct|enum|trait|type|const|static|union|mod|macro_rules!)\s+(\w+)/g);
    const children = new Set([...rest.matchAll(/\bmod\s+(\w+)\s*;/g)].map(([, name]) => name));
    modules.set(moduleOf(file, src), { file, rest, uses, children, definitions: new Set([...definitions].map(([, name]) => name)) });
  }
  return modules;
}

/** Returns the module of the item to which a path in the module `from` refers; undefined if it is in another crate. */
function resolve(modules, from, segments, depth = 0) {
  let path = [...segments];
  let at = from === "" ? [] : from.split("::");
  if (path[0] === "crate") at = [];
  else if (path[0] !== "self" && path[0] !== "super" && !modules.get(from)?.children.has(path[0])) return undefined;
  for (; ["crate", "self", "super"].includes(path[0]); path = path.slice(1)) if (path[0] === "super") at = at.slice(0, -1);
  while (path.length > 0 && modules.has([...at, path[0]].join("::"))) at = [...at, path.shift()];
  const target = at.join("::");
  const [item] = path;
  const module = modules.get(target);
  if (!module || item === undefined || module.definitions.has(item) || depth > 8) return target;
  const use = module.uses.find(({ name }) => name === item) ?? module.uses.find(({ name, isReExport }) => name === "*" && isReExport);
  return (use && resolve(modules, target, [...use.segments.filter((segment) => segment !== "*"), ...(use.name === "*" ? [item] : path.slice(1))], depth + 1)) ?? target;
}

/** Returns, for each module, the modules that it imports, each with the line of the first import. */
function imports(modules) {
  const graph = new Map();
  for (const [from, { rest, uses, children }] of modules) {
    const edges = new Map();
    const add = (segments, line) => {
      const to = resolve(modules, from, segments);
      const isAncestor = to === "" || from.startsWith(`${to}::`);
      if (to !== undefined && to !== from && !isAncestor && !edges.has(to)) edges.set(to, line);
    };
    for (const { segments, name, line, isReExport } of uses) {
      const isUsed = !isReExport || new RegExp(`\\b${name === "*" ? "\\b\\B" : name}\\b`).test(rest);
      if (isUsed) add(segments.filter((segment) => segment !== "*"), line);
    }
    const paths = rest.matchAll(/(?<![\w:])(\w+)((?:\s*::\s*\w+)+)/g);
    for (const { 0: text, 1: first, index } of paths) {
      const imported = uses.find(({ name }) => name === first)?.segments;
      if (!imported && !["crate", "self", "super"].includes(first) && !children.has(first)) continue;
      const segments = text.split("::").map((segment) => segment.trim());
      add(imported ? [...imported, ...segments.slice(1)] : segments, rest.slice(0, index).split("\n").length);
    }
    graph.set(from, edges);
  }
  return graph;
}

/** Returns the strongly connected components that contain more than one module (Tarjan's algorithm). */
function cycles(graph) {
  const [order, low, stack, found] = [new Map(), new Map(), [], []];
  const visit = (node) => {
    order.set(node, order.size);
    low.set(node, order.get(node));
    stack.push(node);
    for (const next of graph.get(node)?.keys() ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) !== order.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1) found.push(component);
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

let count = 0;
for (const crate of CRATES) {
  const src = join(ROOT, crate, "src");
  if (!existsSync(src)) continue;
  const modules = readCrate(src);
  const graph = imports(modules);
  for (const component of cycles(graph)) {
    count += 1;
    console.error(`cycles: ${crate}: ${component.length} modules import each other`);
    for (const from of component) {
      for (const [to, line] of graph.get(from)) {
        if (component.includes(to)) console.error(`  ${relative(ROOT, modules.get(from).file)}:${line} imports ${to || "the crate root"}`);
      }
    }
  }
}
if (count > 0) process.exit(1);
console.log("cycles: none");
