import { z } from "zod";
import { eventKinds } from "../event.ts";
import { historySchema, type HistoryHeader } from "../history.ts";
import { profileNames } from "../profile-name.ts";
import type { AddedContract } from "../added-contract.ts";
import { eventTypeOf } from "./event-schema.ts";
import { expected, listField, nameField, record, textField, wholeNumber, wordField } from "./fields.ts";
import { programFile, programTypeOf } from "./program-schema.ts";

const headerType: z.ZodType<HistoryHeader> = record("a history's header", {
  implementation: textField.min(1, expected("the name of what was run")),
  version: textField,
  profile: wordField(profileNames),
  capabilities: listField(nameField),
  observes: listField(wordField(eventKinds)),
});

const version = z.literal(historySchema, expected(String(historySchema)));
/** A history in one JSON value. `historyProblem` checks the order of its events. */
export const historyFile = record("a history", {
  schema: version,
  header: headerType,
  // As it is published: what is made for a contract would be another type each time.
  program: programFile.nullable(),
  events: listField(eventTypeOf(null)),
});

/** The same for histories of a contract; null: of the core. */
export function historyFileOf(contract: AddedContract | null) {
  return record("a history", {
    schema: version,
    header: headerType,
    program: programTypeOf(contract).nullable(),
    events: listField(eventTypeOf(contract)),
  });
}

/** First line of a history of one event a line. */
export function headerLineOf(contract: AddedContract | null) {
  return record("the header line", {
    kind: z.literal("header"),
    schema: version,
    header: headerType,
    program: programTypeOf(contract).nullable(),
  });
}

/** Last line of a history of one event a line. */
export const footerLine = record("the footer line", { kind: z.literal("footer"), events: wholeNumber });
