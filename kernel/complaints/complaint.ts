import type { KernelRun } from "../../adapters/linux/linux.ts";
import type { HistoryEvent, WarnEvent } from "../../spec/event.ts";
import type { Step } from "../../spec/program.ts";
import { complaintKinds, type ComplaintKind } from "./table.ts";

/** A complaint of a kernel in a history. */
export interface Complaint {
  /** The step it came in; null between steps, and for what only the console has. */
  readonly step: string | null;
  /** Of what kind; null for one that the table does not know. */
  readonly kind: ComplaintKind | null;
  readonly text: string;
  /** Its event; the one after the last for what only the console has. */
  readonly seq: number;
}

/** The kind of a complaint by its first line. */
export function kindOfComplaint(text: string): ComplaintKind | null {
  return complaintKinds.find((kind) => kind.text.test(text)) ?? null;
}

/** What a kernel complained about in a run, in order: in the history, or as its last words. */
export function complaintsOf({ events, end, log }: Pick<KernelRun, "events" | "end" | "log">): readonly Complaint[] {
  const seen = events.filter((event): event is WarnEvent => event.kind === "warn");
  const complaints = seen.map(({ step, text, seq }) => ({ step, text, seq, kind: kindOfComplaint(text) }));
  const panic = end === "crashed" ? /Kernel panic[^\n]*/.exec(log)?.[0] : undefined;
  if (panic === undefined || complaints.some(({ kind }) => kind?.id === "kernel-stops")) return complaints;
  const step = events.at(-1)?.step ?? null;
  return [...complaints, { step, text: panic, seq: events.length, kind: kindOfComplaint(panic) }];
}

/** Rules that a complaint in a step of this operation is about. */
export function rulesOf({ kind }: Complaint, op: Step["op"] | undefined): readonly string[] {
  return (op === undefined ? undefined : kind?.by?.[op]) ?? kind?.rules ?? [];
}

/** A rule that a kernel says is broken, in a step of which the reference says nothing. */
export interface Reported {
  readonly rule: string;
  readonly why: string;
  readonly seq: number;
}

/**
 * What a kernel complains about and the reference does not: one record a rule, under `unknown complaint` for what the
 * table does not know, which is never right, and under the kind's id for what is no rule's.
 */
export function reportedBy(
  run: Pick<KernelRun, "events" | "end" | "log">,
  expected: readonly HistoryEvent[],
  steps: readonly Step[],
): readonly Reported[] {
  const said = new Set(expected.flatMap((event) => (event.kind === "warn" ? [event.step] : [])));
  const operations = new Map(steps.map(({ id, op }) => [id, op]));
  const found = new Map<string, Reported>();
  for (const complaint of complaintsOf(run)) {
    const { step, kind, text, seq } = complaint;
    if (kind !== null && said.has(step)) continue;
    const rules = kind === null ? ["unknown complaint"] : rulesOf(complaint, operations.get(step ?? ""));
    const why = `the kernel complains in ${step ?? "no step"}: ${text}`;
    for (const rule of rules) if (!found.has(rule)) found.set(rule, { rule, why, seq });
  }
  return [...found.values()];
}
