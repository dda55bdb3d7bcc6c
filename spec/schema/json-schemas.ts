import { z } from "zod";
import { historyFile } from "./history-schema.ts";
import { programFile } from "./program-schema.ts";

const programId = "program.schema.json";

/** A JSON Schema with a head for people. `refer` keeps a program inside a history from being written out again. */
function published(type: z.ZodType, id: string, title: string, description: string, refer: boolean): unknown {
  const { $schema, ...rest } = z.toJSONSchema(type, {
    override: ({ zodSchema, jsonSchema }) => {
      if (!refer || zodSchema !== programFile) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      jsonSchema.$ref = programId;
    },
  });
  return { $schema, $id: id, title, description, ...rest };
}

/** The published JSON Schemas (draft 2020-12) by the name of their file in docs/schemas. */
export function jsonSchemas(): Record<string, unknown> {
  const program = "A program of dmabuf-conformance. The reader also checks that every name is bound.";
  const history =
    "A history of dmabuf-conformance in one JSON value. The reader also checks the order of the events. " +
    'In a file of one event a line, the first is { "kind": "header", schema, header, program } and the last is { "kind": "footer", "events": n }.';
  return {
    [programId]: published(programFile, programId, "Program", program, false),
    "history.schema.json": published(historyFile, "history.schema.json", "History", history, true),
  };
}
