import { z } from "zod";
import { eventKinds } from "../event.ts";
import { historySchema, type HistoryHeader } from "../history.ts";
import { profileNames } from "../profile-name.ts";
import type { Program } from "../program.ts";
import { eventType } from "./event-schema.ts";
import { expected, listField, nameField, record, textField, wholeNumber, wordField } from "./fields.ts";
import { programFile } from "./program-schema.ts";

const headerType: z.ZodType<HistoryHeader> = record("a history's header", {
  implementation: textField.min(1, expected("the name of what was run")),
  version: textField,
  profile: wordField(profileNames),
  capabilities: listField(nameField),
  observes: listField(wordField(eventKinds)),
});

const version = z.literal(historySchema, expected(String(historySchema)));
const programOrNull = programFile.nullable() as unknown as z.ZodType<Program | null>;

/** A history in one JSON value. `historyProblem` checks the order of its events. */
export const historyFile = record("a history", {
  schema: version,
  header: headerType,
  program: programOrNull,
  events: listField(eventType),
});

/** First line of a history of one event a line. */
export const headerLine = record("the header line", {
  kind: z.literal("header"),
  schema: version,
  header: headerType,
  program: programOrNull,
});

/** Last line of a history of one event a line. */
export const footerLine = record("the footer line", { kind: z.literal("footer"), events: wholeNumber });
