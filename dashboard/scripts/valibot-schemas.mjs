// Generates valibot schemas for the stream's events from the OpenAPI document.
//
// The schemas check only shapes, because the server guarantees formats, patterns, and ranges.
// Unknown fields and unknown values of open enums are accepted, so that the page also works with a
// newer server.

/** Enums for which the page can handle unknown values. */
const OPEN_ENUMS = new Set(["ErrorCode"]);
/** The details of steps, which depend on the agent. The page parses them where it shows them. */
const UNCHECKED = /^(Thought|Tool|Plan|Permission|Notice)Detail$/;
const ANY_OBJECT = "v.fallback(v.record(v.string(), v.unknown()), {})";
/**
 * Events about the stream itself. All other events have a session ID, which the document declares
 * as optional.
 */
const STREAM_EVENTS = new Set(["hello", "heartbeat", "resync", "server.draining"]);
const ROOT = "Event";
const PREFIX = "#/components/schemas/";

const camelCase = (name) =>
  name
    .split(/[._]/)
    .map((part, index) => part[0][index === 0 ? "toLowerCase" : "toUpperCase"]() + part.slice(1))
    .join("");

const indent = (text) => text.replace(/^(?=.)/gm, "  ");

export function generateSchemas(document) {
  const { schemas } = document.components;
  /** The source of each constant by name, with dependencies first. */
  const constants = new Map();

  function refer(ref) {
    const name = ref.slice(PREFIX.length);
    const schema = schemas[name];
    if (!ref.startsWith(PREFIX) || !schema) throw new Error(`unknown reference: ${ref}`);
    if (OPEN_ENUMS.has(name))
      return `v.custom<components["schemas"]["${name}"]>((input) => typeof input === "string")`;
    if (UNCHECKED.test(name)) return ANY_OBJECT;
    if (schema.type === "string" && !schema.enum) return "v.string()";
    const constant = camelCase(name);
    if (!constants.has(constant)) constants.set(constant, express(schema, "looseObject"));
    return constant;
  }

  function entries({ properties, required = [] }) {
    const lines = Object.entries(properties).map(([key, property]) => {
      const value = express(property);
      if (!required.includes(key)) return `${key}: v.exactOptional(${value}),\n`;
      return value === key ? `${key},\n` : `${key}: ${value},\n`;
    });
    return indent(lines.join(""));
  }

  /** Returns the source of a schema. Inline objects drop unknown fields. */
  function express(schema, object = "object") {
    if (schema.$ref) return refer(schema.$ref);
    if (schema.allOf) return expressVariant(schema, object);
    if (schema.oneOf) {
      const others = schema.oneOf.filter(({ type }) => type !== "null");
      if (others.length === 1 && schema.oneOf.length === 2)
        return `v.nullable(${express(others[0])})`;
    }
    if (Array.isArray(schema.type)) {
      const types = schema.type.filter((type) => type !== "null");
      if (types.length === 1) return `v.nullable(${express({ ...schema, type: types[0] })})`;
    }
    if (schema.enum)
      return schema.enum.length === 1
        ? `v.literal(${JSON.stringify(schema.enum[0])})`
        : `v.picklist(${JSON.stringify(schema.enum).replaceAll(",", ", ")})`;
    switch (schema.type) {
      case "string":
        return "v.string()";
      case "boolean":
        return "v.boolean()";
      case "integer":
      case "number":
        return "v.number()";
      case "array":
        return `v.array(${express(schema.items)})`;
      case "object":
        return schema.properties ? `v.${object}({\n${entries(schema)}})` : ANY_OBJECT;
      default:
        throw new Error(`no schema for ${JSON.stringify(schema)}`);
    }
  }

  const resolve = (part) => (part.$ref ? schemas[part.$ref.slice(PREFIX.length)] : part);

  /** Returns an object schema with the properties of all parts. */
  function merge(parts) {
    return {
      type: "object",
      properties: Object.assign({}, ...parts.map((part) => part.properties)),
      required: parts.flatMap((part) => part.required ?? []),
    };
  }

  /** Returns the variants of a schema, each with the shared properties. */
  function flatten({ allOf }) {
    const parts = allOf.map(resolve);
    const variants = parts.flatMap((part) => part.oneOf ?? []);
    const shared = parts.filter((part) => part.properties);
    if (variants.length === 0) throw new Error(`no variants in ${JSON.stringify(allOf)}`);
    return variants.map((variant) =>
      merge([...(variant.allOf?.map(resolve) ?? [variant]), ...shared]),
    );
  }

  /** Returns the source of a schema whose variants differ in a property with a constant value. */
  function expressVariant(schema, object) {
    const variants = flatten(schema);
    const [tag] = Object.entries(variants[0].properties).find(
      ([, property]) => property.enum?.length === 1,
    );
    const options = variants.map((variant) => `${express(variant, object)},\n`);
    return `v.variant("${tag}", [\n${indent(options.join(""))}])`;
  }

  const options = flatten(schemas[ROOT]).map(({ type, properties, required }) => {
    if (STREAM_EVENTS.has(properties.type.enum[0])) delete properties.chat_session_id;
    else required.push("chat_session_id");
    return `${express({ type, properties, required })},\n`;
  });

  const body = [...constants].map(([name, source]) => `const ${name} = ${source};\n\n`).join("");
  const event = `export const event = v.variant("type", [\n${indent(options.join(""))}]);\n`;
  return `${HEADER}\n${body}${event}`;
}

const HEADER = `/**
 * This file was generated from docs/openapi.json by scripts/valibot-schemas.mjs.
 * Do not make direct changes to the file.
 */
import * as v from "valibot";
import type { components } from "./schema.gen";
`;
