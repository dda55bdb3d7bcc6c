/** The part of JSON Schema that ours use. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** All alternatives of a schema, nested ones included. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.oneOf === undefined ? [schema] : schema.oneOf.flatMap(alternatives);
}

/** A value that the schema allows, the smallest of its kind. */
export function sample(schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sample(schema.anyOf[0]!);
  if (schema.oneOf !== undefined) return sample(schema.oneOf[0]!);
  switch (Array.isArray(schema.type) ? (schema.type as readonly string[])[0] : schema.type) {
    case "string":
      return "x1";
    case "integer":
    case "number":
      return Math.max(schema.minimum ?? 0, 0);
    case "boolean":
      return false;
    case "array":
      return [sample(schema.items!)];
    case "object":
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, field]) => [key, sample(field)]));
    case undefined:
    default:
      throw new Error(`no sample of ${JSON.stringify(schema)}`);
  }
}
