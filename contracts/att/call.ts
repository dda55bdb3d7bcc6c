import { EBUSY, EINVAL, ENOMEM, errnoName, type Errno } from "../../spec/errno.ts";
import type { CallEvent, CbRetEvent } from "../../spec/event.ts";
import type { Profile } from "../../spec/profile.ts";
import { frameOf, holds, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { hooksIn, innermost } from "../shared/lookup.ts";
import { doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

/** What the exporter's attach hook answered in this call; undefined if it did not run. */
function hookErrno(state: State, task: string, call: number): Errno | undefined {
  return hooksIn(state, task, call).find((hook) => hook.hook === "attach")?.errno;
}

/** Hooks that attach itself has to call: only in 6.12, and only where one side is dynamic and the other is not. */
function worksAtAttach(state: State, attach: CallEvent<"attach">, profile: Profile): readonly ("pin" | "map")[] {
  const buffer = state.buffers.get(attach.buffer ?? "");
  if (!profile.cachesAtAttach || buffer === undefined || buffer.dynamic === (attach.ops !== "static")) return [];
  return buffer.dynamic ? ["pin", "map"] : ["map"];
}

/** A pin or map inside attach that failed; a map that returned nothing has failed too. */
function isFailure(event: CbRetEvent): event is CbRetEvent<"pin" | "map"> {
  if (event.hook === "map") return event.errno !== 0 || event.table === null;
  return event.hook === "pin" && event.errno !== 0;
}

export const att01: Rule = {
  id: "ATT-01",
  level: "MUST",
  obliged: ["framework"],
  statement: "Attach without a buffer or without a device answers EINVAL and changes nothing.",
  intent: "An attachment with no device has no address space that a mapping could be made for.",
  sources: [kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2")],
  hints: ["Are both arguments checked before the allocation and before the exporter's hook?"],
  monitor: on({
    "ret attach": ({ buffer, device, errno }, _state, verdict) => {
      if (buffer !== null && device !== null) return;
      verdict.exercised();
      if (errno === EINVAL) return;
      const without = buffer === null ? "a buffer" : "a device";
      verdict.violated(`attach without ${without} answered ${errnoName(errno)} instead of EINVAL`);
    },
  }),
  status: checked,
};

export const att02: Rule = {
  id: "ATT-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Up to 7.0 attach answers EINVAL to importer ops that lack the move callback; from 7.1 on it accepts them.",
  intent:
    "Before 7.1 the core calls the callback unasked, and since then its absence is how an importer says it cannot be interrupted.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2"),
    run(
      both,
      "ops without callback on a dynamic exporter: EINVAL with a warning on 6.12, accepted and not revocable on 7.2",
    ),
  ],
  hints: [
    'Does the check ask the profile, not the kernel-doc? The 6.12 text already says "optional".',
    "Does the callback loop skip attachments without one?",
  ],
  monitor: on({
    "ret attach": ({ task, call, buffer, device, ops, errno }, state, verdict) => {
      if (ops !== "noCallback" || buffer === null || device === null) return;
      verdict.exercised();
      const { series, callbackOptional } = verdict.profile;
      if (!callbackOptional && errno !== EINVAL)
        verdict.violated(
          `attach of ops without a callback answered ${errnoName(errno)}; up to 7.0 it has to be EINVAL`,
        );
      if (callbackOptional && errno === EINVAL && hookErrno(state, task, call) !== EINVAL)
        verdict.violated(`attach of ops without a callback answered EINVAL, although in ${series} they are legal`);
    },
  }),
  situation: { weights: { attach: 4 }, importers: ["scripted"] },
  status: checked,
};

export const att03: Rule = {
  id: "ATT-03",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["caller"],
  statement:
    "Each attach runs the exporter's attach hook once, without the reservation lock, and before the attachment is on the list.",
  intent:
    "The hook may sleep, wake the device or refuse, which cannot be done under the lock or to an attachment others already see.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2"),
    doc(core, "locking convention"),
    run(both, "hook runs unlocked and off the list; a move made meanwhile skips the new attachment"),
  ],
  hints: ["Does the hook come first and the lock after it?", "Did the caller hold the lock across attach (ATT-11)?"],
  monitor: remember(() => new Set<string>(), {
    "cb attach": ({ buffer, attachment, task }, state, verdict, runs) => {
      verdict.exercised();
      if (runs.has(attachment)) verdict.violated(`the attach hook runs a second time for ${attachment}`);
      runs.add(attachment);
      if (state.attachments.get(attachment)?.listed === true)
        verdict.violated(
          `${attachment} is on the list of ${buffer} before its attach hook has run`,
          verdict.since("attachments", attachment, "listed"),
        );
      const resv = state.buffers.get(buffer)?.resv ?? "";
      if (!holds(state, task, resv) || verdict.misuse) return;
      const since = verdict.since("reservations", resv, "owner");
      verdict.violated(`the attach hook for ${attachment} runs with the lock ${resv} held`, since);
    },
    "ret attach": ({ buffer, attachment, errno }, state, verdict, runs) => {
      if (errno !== 0 || state.buffers.get(buffer ?? "")?.hasAttach !== true) return;
      verdict.exercised();
      if (!runs.has(attachment)) verdict.violated(`${attachment} was made without the attach hook of ${buffer}`);
    },
  }),
  status: checked,
};

export const att04: Rule = {
  id: "ATT-04",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When the attach hook fails, attach answers with its very error and the attachment is gone: not listed, never called back, no detach hook.",
  intent: "A detach hook without its attach gives back a power or page count that was never taken.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach (err_attach)", "6.12, 7.2"),
    run(both, "hook fails with 5 and 16: same error, list unchanged, no detach hook"),
  ],
  hints: ["Does the error path skip the detach hook?", "Does the hook itself undo what it did before it fails?"],
  monitor: remember(() => new Map<string, CbRetEvent<"attach">>(), {
    "cbret attach": (event, _state, _verdict, failed) => {
      if (event.errno !== 0) failed.set(event.attachment, event);
    },
    "ret attach": ({ attachment, errno }, _state, verdict, failed) => {
      const hook = failed.get(attachment);
      if (hook === undefined) return;
      verdict.exercised();
      if (errno === hook.errno) return;
      verdict.violated(
        `the attach hook failed with ${errnoName(hook.errno)} and attach answered ${errnoName(errno)}`,
        hook,
      );
    },
    list: ({ attachment, listed }, _state, verdict, failed) => {
      const hook = failed.get(attachment);
      if (hook !== undefined && listed)
        verdict.violated(`${attachment} is listed although its attach hook failed`, hook);
    },
    cb: (event, _state, verdict, failed) => {
      const hook = "attachment" in event ? failed.get(event.attachment) : undefined;
      if (hook === undefined) return;
      verdict.violated(`the ${event.hook} callback runs for ${hook.attachment}, whose attach hook failed`, hook);
    },
  }),
  situation: { weights: { attach: 4, import: 4 }, failures: [{ site: "hook:attach", errno: EBUSY }] },
  status: checked,
};

export const att11: Rule = {
  id: "ATT-11",
  level: "MUST",
  obliged: ["importer"],
  statement: "Attach, dynamic attach and detach are called without holding the reservation lock of the buffer.",
  intent: "All three take that lock themselves, so the caller would wait for itself for ever.",
  sources: [
    doc(core, "locking convention"),
    run(both, "detach with the lock held: lockdep report, the call never returns"),
  ],
  hints: [
    "Is detach reached from an invalidate callback or another path that runs under the lock?",
    "Is the unlock before detach in the error paths too?",
  ],
  monitor: on({
    call: (event, state, verdict) => {
      if (event.op !== "attach" && event.op !== "detach") return;
      const resv = state.buffers.get(event.buffer ?? "")?.resv;
      if (resv === undefined) return;
      verdict.exercised();
      if (!holds(state, event.task, resv)) return;
      const since = verdict.since("reservations", resv, "owner");
      verdict.violated(`${event.by} calls ${event.op} and holds ${resv}, the lock of ${event.buffer}`, since);
    },
  }),
  status: checked,
};

export const att27: Rule = {
  id: "ATT-27",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "From 6.16 attach itself calls neither the pin nor the map hook; 6.12 does so, BIDIRECTIONAL, in two cases only: pin and map for a static importer of a dynamic exporter, map alone for a dynamic importer of a static exporter.",
  intent: "Storage that is mapped while nobody uses it can neither move nor be reclaimed.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2"),
    run(both, "hooks seen inside attach in the four mixes of static and dynamic: two mixes on 6.12, none on 7.2"),
  ],
  hints: [
    "Does the framework map early to save work at the first map?",
    "Is the call made by the exporter's own attach hook? That is allowed.",
  ],
  monitor: on({
    cb: (event, state, verdict) => {
      if (event.hook !== "pin" && event.hook !== "map") return;
      const attach = innermost(state, event.task);
      if (attach?.kind !== "call" || attach.op !== "attach") return;
      verdict.exercised();
      const works = worksAtAttach(state, attach, verdict.profile);
      const right = works.includes(event.hook) && (event.hook === "pin" || event.direction === "bidirectional");
      if (right) return;
      verdict.violated(
        `attach of ${attach.attachment} calls the ${event.hook} hook, which it must not do here`,
        attach,
      );
    },
    "ret attach": ({ task, call, attachment, errno }, state, verdict) => {
      const attach = frameOf(state.tasks.get(task), "attach");
      if (errno !== 0 || attach === undefined) return;
      verdict.exercised();
      const done = hooksIn(state, task, call).map((hook) => hook.hook);
      for (const hook of worksAtAttach(state, attach, verdict.profile))
        if (!done.includes(hook))
          verdict.violated(`attach of ${attachment} did not ${hook}, though only one of its two sides is dynamic`);
    },
  }),
  status: checked,
};

export const att32: Rule = {
  id: "ATT-32",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When the pin or map that 6.12 makes inside attach fails, attach unpins if it had pinned, takes the attachment off the list, runs the detach hook once and answers with that error (ENOMEM for a null table).",
  intent: "What stays behind is an attachment nobody can detach, or a pin that holds memory in place for ever.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach (err_unpin, err_unlock)", "6.12"),
    run(["6.12.117"], "pin fails, map fails, map returns null: undone each time, with one detach hook"),
  ],
  until: "K6.12",
  needs: ["dynamicExporter"],
  hints: [
    "Does the unwind unpin only when the pin itself succeeded?",
    "Is the detach hook run here, unlike after a failed attach hook (ATT-04)?",
  ],
  monitor: on({
    "ret attach": ({ task, call, attachment, errno }, state, verdict) => {
      const failed = hooksIn(state, task, call).find(isFailure);
      const row = state.attachments.get(attachment);
      if (failed === undefined || row === undefined) return;
      verdict.exercised();
      const expected = failed.errno === 0 ? ENOMEM : failed.errno;
      const what = `the ${failed.hook} of ${attachment} failed inside attach`;
      if (errno !== expected)
        verdict.violated(`${what} with ${errnoName(expected)}, and attach answered ${errnoName(errno)}`, failed);
      if (row.hookPins !== 0) verdict.violated(`${what}, and ${row.hookPins} pins are left`, failed);
      if (row.listed) verdict.violated(`${what}, and it is still on the list`, failed);
      if (row.hooked && state.buffers.get(row.buffer)?.hasDetach === true)
        verdict.violated(`${what}, and the detach hook did not run`, failed);
    },
  }),
  situation: {
    weights: { attach: 4 },
    failures: [
      { site: "hook:pin", errno: EBUSY },
      { site: "hook:map", errno: EBUSY },
    ],
    importers: ["scripted"],
  },
  status: checked,
};

export const rules: readonly Rule[] = [att01, att02, att03, att04, att11, att27, att32];
