import type { Program, Step } from "../../spec/program.ts";
import { withBuffer } from "./buffers.ts";
import { withMakers } from "./fences.ts";
import { shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 16;
/** What a sync file may be asked for: the fences to wait for before a read, before a write, before both. */
const requests = [1, 2, 3];

/** Sync files of a buffer in place of such that a fence of the program is put behind. */
export function* filesOfBuffers(session: Session): Search<void> {
  const { program, kinds } = session;
  if (program.steps.length > longest) return;
  const files = program.steps.filter((step) => step.op === "createSyncFile");
  if (files.length === 0) return;
  const some = files.length > 1 ? [files, ...files.map((file) => [file])] : files.map((file) => [file]);
  const { program: whole, buffer } = withBuffer(program, null, kinds.exporters[0]);
  if (buffer === null) return;
  const candidates = some.flatMap((all) => requests.map((flags) => exported(whole, all, buffer, flags)));
  yield* shorter(session, candidates);
}

function exported(program: Program, files: readonly Step<"createSyncFile">[], buffer: string, flags: number): Program {
  const gone = withMakers(program, files);
  const steps = program.steps.flatMap((step): readonly Step[] => {
    const file = files.find((other) => other.id === step.id);
    if (file === undefined) return gone.has(step.id) ? [] : [step];
    const { id, task, syncFile } = file;
    return [{ id, task, op: "exportSyncFile", buffer, syncFile, flags, unreadable: false }];
  });
  const first = steps.findIndex((step) => step.op === "exportSyncFile" && step.buffer === buffer);
  const place = steps.findIndex((step) => step.op === "export" && step.buffer === buffer);
  if (place > first) steps.splice(first, 0, ...steps.splice(place, 1));
  return { ...program, steps };
}
