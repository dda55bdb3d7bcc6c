import type { z } from "zod";
import { BadInput } from "../bad-input.ts";
import type { HistoryEvent } from "../event.ts";
import { historySchema, type History } from "../history.ts";
import { limits } from "../limits.ts";
import { eventTypeOf } from "./event-schema.ts";
import { footerLine, headerLineOf, historyFileOf } from "./history-schema.ts";
import { parseJson } from "./json-text.ts";
import { checkLength, checkMeaning, checkProgramKind, checkVersion, isRecord } from "./read-program.ts";
import { badInput, refuse, type Source } from "./refuse.ts";

/** Checks what one event says about those before it. Throws BadInput at `path` in the source. */
function checkOrder(
  source: Source,
  event: HistoryEvent,
  before: readonly HistoryEvent[],
  path: readonly PropertyKey[],
): void {
  const bad = (field: string, problem: string) => badInput(source, [...path, field], "sequence", problem);
  if (event.seq !== before.length)
    throw bad("seq", `expected ${before.length}, got ${event.seq}; events are numbered from 0 without a gap`);
  if (event.kind === "ret") {
    const call = before[event.call];
    if (call?.kind !== "call" || call.op !== event.op)
      throw bad(
        "call",
        `event ${event.call} is no earlier call of ${event.op}; give the seq of the call that returns here`,
      );
  } else if (event.kind === "cbret") {
    const cb = before[event.cb];
    if (cb?.kind !== "cb" || cb.hook !== event.hook)
      throw bad(
        "cb",
        `event ${event.cb} is no earlier start of the hook ${event.hook}; give the seq of the one that returns here`,
      );
  }
}

/** The value as the type says, or BadInput. */
function typed<T>(source: Source, type: z.ZodType<T>, value: unknown): T {
  const result = type.safeParse(value);
  if (!result.success) throw refuse(source, value, result.error.issues);
  return result.data;
}

function readDocument(source: Source): History {
  const value = parseJson(source.text, source.origin);
  if (isRecord(value) && "steps" in value && !("events" in value))
    throw badInput(source, [], "version", "a program, not a history; run it to get its history");
  checkVersion(source, value, [], historySchema);
  const contract = isRecord(value) ? checkProgramKind(source, value["program"], ["program"]) : null;
  const history: History = typed(source, historyFileOf(contract), value);
  if (history.program !== null) checkMeaning(source, history.program, ["program"]);
  const before: HistoryEvent[] = [];
  for (const event of history.events) {
    checkOrder(source, event, before, ["events", before.length]);
    before.push(event);
  }
  return history;
}

function readLines(text: string, origin: string): History {
  const lines = text.split("\n");
  while (lines.length > 1 && lines.at(-1)!.trim() === "") lines.pop();
  const source = (index: number): Source => ({ text: lines[index]!, origin, firstLine: index + 1 });
  const parsed = (index: number) => parseJson(lines[index]!, origin, index + 1);

  const first = parsed(0);
  checkVersion(source(0), first, [], historySchema);
  const contract = isRecord(first) ? checkProgramKind(source(0), first["program"], ["program"]) : null;
  const { header, program } = typed(source(0), headerLineOf(contract), first);
  if (program !== null) checkMeaning(source(0), program, ["program"]);

  const events: HistoryEvent[] = [];
  const eventType = eventTypeOf(contract);
  for (let index = 1; index < lines.length; index += 1) {
    const value = parsed(index);
    if (!isRecord(value) || value["kind"] !== "footer") {
      const event = typed(source(index), eventType, value);
      checkOrder(source(index), event, events, []);
      events.push(event);
      continue;
    }
    const footer = typed(source(index), footerLine, value);
    if (footer.events !== events.length) {
      const problem = `the footer counts ${footer.events} events, the file has ${events.length}; record it again`;
      throw badInput(source(index), ["events"], "sequence", problem);
    }
    if (index + 1 < lines.length)
      throw badInput(source(index + 1), [], "syntax", "nothing may follow the footer line; remove what follows");
    return { schema: historySchema, header, program, events };
  }
  const where = `${origin}, line ${lines.length}`;
  const wanted = JSON.stringify({ kind: "footer", events: events.length });
  throw new BadInput(
    "truncated",
    where,
    `the file ends here without its footer line ${wanted}, it is truncated; record it again`,
  );
}

/**
 * Reads a history: one JSON value, or one event a line between a header and a footer line.
 * `origin` is what messages call it, usually its file name. Throws BadInput with the line and the field.
 */
export function readHistory(text: string, origin: string): History {
  checkLength(text, origin, limits.historyText);
  // Nothing in a history of one JSON value has the kind "header".
  const end = text.indexOf("\n");
  const lines = /^\uFEFF?\s*\{.*"kind"\s*:\s*"header"/.test(end < 0 ? text : text.slice(0, end));
  return lines ? readLines(text, origin) : readDocument({ text, origin, firstLine: 1 });
}
