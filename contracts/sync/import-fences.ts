import { EFAULT, EINVAL, ENOMEM, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import type { Usage } from "../../spec/roles/handles.ts";
import { frameOf, holds, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { isOver } from "../shared/fences.ts";
import { doc, kernel, run } from "../source.ts";
import { areBridgeFlags, pendingMembers } from "./files.ts";
import { exporting, importing } from "./situations.ts";

/** The import that the framework is just carrying out in a task. */
function importOf(
  state: State,
  event: { readonly task: string; readonly by: string },
): CallEvent<"importSyncFile"> | undefined {
  return event.by === "framework" ? frameOf(state.tasks.get(event.task), "importSyncFile") : undefined;
}

/** What an import has done so far, by the seq of its call. */
interface Done {
  readonly reserved: number[];
  readonly added: { readonly fence: string; readonly usage: Usage; readonly hold: number }[];
  failed: boolean;
}

type Imports = Map<number, Done>;

function doneBy(imports: Imports, call: number): Done {
  let done = imports.get(call);
  if (done === undefined) imports.set(call, (done = { reserved: [], added: [], failed: false }));
  return done;
}

function noteReserve(event: RetEvent<"reserveFences">, state: State, imports: Imports): void {
  const call = importOf(state, event);
  if (call === undefined) return;
  const done = doneBy(imports, call.seq);
  done.reserved.push(event.count);
  done.failed ||= event.errno !== 0;
}

function noteAdd(event: CallEvent<"addFence">, state: State, imports: Imports): void {
  const call = importOf(state, event);
  const hold = state.reservations.get(event.resv)?.hold ?? -1;
  if (call !== undefined) doneBy(imports, call.seq).added.push({ fence: event.fence, usage: event.usage, hold });
}

export const sync06: Rule = {
  id: "SYNC-06",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Import adds the file's fences as WRITE if the write flag is set and else as READ, and refuses other or no flags and anything that is not a sync file fd with -EINVAL (an unreadable argument with -EFAULT).",
  intent: "The usage decides who waits for the imported work, and probing user space relies on these codes.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "flag table; fd -1, 999, /dev/null and the dma-buf itself; bad ones add nothing"),
  ],
  needs: ["syncFile"],
  hints: ["Is a bad fd answered with -EBADF by a generic helper?"],
  status: checked,
  situation: importing,
  monitor: remember((): Imports => new Map(), {
    "call addFence": (event, state, _verdict, imports) => noteAdd(event, state, imports),
    "ret importSyncFile"(event, state, verdict, imports) {
      verdict.exercised();
      const added = imports.get(event.call)?.added ?? [];
      imports.delete(event.call);
      const file = event.syncFile === null ? undefined : state.syncFiles.get(event.syncFile);
      const wanted = event.flags === null ? EFAULT : !areBridgeFlags(event.flags) || file?.open !== true ? EINVAL : 0;
      if (wanted !== 0 && (event.errno !== wanted || added.length > 0))
        verdict.violated(
          `an import with flags ${event.flags ?? "that cannot be read"} answers ${errnoName(event.errno)}, not ${errnoName(wanted)}`,
        );
      const usage = event.flags !== null && (event.flags & 2) !== 0 ? "write" : "read";
      const wrong = added.find((entry) => entry.usage !== usage);
      if (wrong !== undefined)
        verdict.violated(
          `an import with flags ${event.flags ?? "?"} adds ${wrong.fence} as ${wrong.usage}, not as ${usage}`,
        );
      else if (wanted === 0 && event.errno === EINVAL)
        verdict.violated(`an import of ${event.syncFile ?? "?"} is refused`);
    },
  }),
};

/** Whether a fence was added, or another one of its timeline, which takes its place: a kernel's list shows the last of them. */
function isAdded(state: State, fence: string, added: Done["added"]): boolean {
  const context = state.fences.get(fence)?.context;
  return added.some((entry) => entry.fence === fence || state.fences.get(entry.fence)?.context === context);
}

export const sync07: Rule = {
  id: "SYNC-07",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Import reserves one slot per member and adds the members of containers one by one, so that no container enters the object and every unsignaled member does.",
  intent: "The object replaces fences by context, which it cannot do for an array or chain.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "merged file of three, one with a signaled member, a chain"),
  ],
  needs: ["syncFile"],
  hints: ["Are arrays inside chains flattened too?", "Is the slot count taken from the same walk as the adds?"],
  status: checked,
  situation: importing,
  monitor: remember(() => ({ imports: new Map() as Imports, before: new Map<number, readonly string[]>() }), {
    "call importSyncFile": (event, state, _verdict, { before }) =>
      void before.set(event.seq, pendingMembers(state, event.syncFile)),
    "ret reserveFences": (event, state, _verdict, { imports }) => noteReserve(event, state, imports),
    "call addFence": (event, state, _verdict, { imports }) => noteAdd(event, state, imports),
    "ret importSyncFile"(event, state, verdict, { imports, before }) {
      const { added, reserved } = doneBy(imports, event.call);
      const pending = before.get(event.call) ?? [];
      imports.delete(event.call);
      before.delete(event.call);
      if (event.errno !== 0) return;
      if (added.length > 0 || pending.length > 0) verdict.exercised();
      const container = added.find(({ fence }) => state.fences.get(fence)?.kind !== "plain" && state.fences.has(fence));
      const left = pending.find((fence) => !isOver(state, fence) && !isAdded(state, fence, added));
      const slots = reserved.reduce((sum, count) => sum + count, 0);
      // The program put it into a reservation: the core has said so, and now it is in files, of which it hides the rest.
      if (container !== undefined && verdict.misuse) return;
      if (container !== undefined)
        verdict.violated(`the import of ${event.syncFile ?? "?"} adds the container ${container.fence}`);
      else if (left !== undefined)
        verdict.violated(`the import of ${event.syncFile ?? "?"} leaves ${left} out, which is pending`);
      else if (slots < added.length)
        verdict.violated(`the import of ${event.syncFile ?? "?"} reserves ${slots} slots for ${added.length} fences`);
    },
  }),
};

export const sync09: Rule = {
  id: "SYNC-09",
  level: "MAY",
  obliged: ["framework"],
  statement:
    "Other submissions may come between an export and the import that answers it, and users who cannot bear that serialise by themselves.",
  intent: "The two requests are separate lock holds, so a compositor must not take them for a transaction.",
  sources: [doc("include/uapi/linux/dma-buf.h", "struct dma_buf_import_sync_file")],
  needs: ["syncFile"],
  hints: ["Which lock of the application keeps other submitters out between the two?"],
  status: checked,
  situation: exporting,
  monitor: on({
    "ret exportSyncFile"(event, state, verdict) {
      const resv = state.buffers.get(event.buffer)?.resv ?? "";
      if (event.errno !== 0) return;
      verdict.exercised();
      if (holds(state, event.task, resv))
        verdict.violated(
          `the export of ${event.buffer} keeps ${resv}, as if the import that answers it were part of it`,
          verdict.since("reservations", resv, "owner"),
        );
    },
  }),
};

export const sync21: Rule = {
  id: "SYNC-21",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Explicitly synchronised work on a buffer that implicit users share first waits for an export (or equivalent) and is then imported, instead of counting on a wait by the kernel.",
  intent:
    "The kernel orders only what is in the reservation object, and two users without a bridge overwrite each other.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "Reservation Objects, DMA fence usage"),
    doc("include/uapi/linux/dma-buf.h", "struct dma_buf_export_sync_file"),
  ],
  hints: ["Is the job's out-fence imported before the buffer goes to the other process?"],
  status: untested(
    "explicit users of a buffer that implicit ones share are user space, which here is the program itself",
  ),
};

export const sync24: Rule = {
  id: "SYNC-24",
  level: "MUST",
  obliged: ["framework"],
  statement: "Import reserves for all members at once and adds them in the same lock hold, or adds none (-ENOMEM).",
  intent: "A submitter that looks in between would wait for half of the imported work.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "file of two members imported three times"),
  ],
  needs: ["syncFile"],
  hints: ["Is the reserve done per member inside the loop?"],
  status: checked,
  situation: { ...importing, failures: [{ site: "resv-list", errno: ENOMEM }] },
  monitor: remember((): Imports => new Map(), {
    "ret reserveFences": (event, state, _verdict, imports) => noteReserve(event, state, imports),
    "call addFence": (event, state, _verdict, imports) => noteAdd(event, state, imports),
    "ret importSyncFile"(event, _state, verdict, imports) {
      const { reserved, added, failed } = doneBy(imports, event.call);
      imports.delete(event.call);
      if (reserved.length === 0 && added.length === 0) return;
      verdict.exercised();
      if (reserved.length > 1)
        verdict.violated(`the import of ${event.syncFile ?? "?"} reserves ${reserved.length} times`);
      else if (new Set(added.map(({ hold }) => hold)).size > 1)
        verdict.violated(`the import of ${event.syncFile ?? "?"} adds its members in several holds of the lock`);
      else if ((failed || event.errno !== 0) && added.length > 0)
        verdict.violated(`the import of ${event.syncFile ?? "?"} fails and has added ${added[0]!.fence}`);
      else if (failed && event.errno !== ENOMEM)
        verdict.violated(`the import of ${event.syncFile ?? "?"} gets no slots and answers ${errnoName(event.errno)}`);
    },
  }),
};

export const sync26: Rule = {
  id: "SYNC-26",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "Import takes the reservation lock by itself, without context and uninterruptibly, and is never called with it held; export does not need it and goes on while somebody holds it.",
  intent: "A holder that imports waits for itself, and an export that locks would stall behind every submission.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "lock held by another: export at once, import blocks and a signal does not end it"),
  ],
  needs: ["syncFile"],
  hints: ["Does the caller submit to the same buffer at that point?"],
  status: checked,
  situation: { ...importing, tasks: 2 },
  monitor: on({
    "call importSyncFile"(event, state, verdict) {
      verdict.exercised();
      const resv = state.buffers.get(event.buffer)?.resv ?? "";
      if (holds(state, event.task, resv))
        verdict.violated(
          `${event.by} imports into ${event.buffer} while it holds ${resv}`,
          verdict.since("reservations", resv, "owner"),
        );
    },
    lock(event, state, verdict) {
      const frame = state.tasks.get(event.task)?.frames.at(-1);
      if (event.lockClass !== "reservation" || frame?.kind !== "call") return;
      if (frame.op === "exportSyncFile")
        verdict.violated(`the export of ${frame.buffer} asks for the lock of ${event.lock}`, frame);
      if (frame.op !== "importSyncFile") return;
      verdict.exercised();
      if (event.form !== "plain" || event.acquire !== null)
        verdict.violated(`the import into ${frame.buffer} takes ${event.lock} in a form that can fail`, frame);
    },
    "call addFence"(event, state, verdict) {
      const call = importOf(state, event);
      if (call === undefined) return;
      verdict.exercised();
      if (!holds(state, event.task, event.resv))
        verdict.violated(`the import into ${call.buffer} adds ${event.fence} without ${event.resv}`, call);
    },
    blocked(event, state, verdict) {
      const frame = state.tasks.get(event.task)?.frames.at(-1);
      if (frame?.kind !== "call" || frame.op !== "exportSyncFile" || event.wait.kind !== "lock") return;
      verdict.violated(`the export of ${frame.buffer} sleeps for the lock of ${event.wait.lock}`, frame);
    },
  }),
};

export const rules: readonly Rule[] = [sync06, sync07, sync09, sync21, sync24, sync26];
