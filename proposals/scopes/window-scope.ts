import { ENODEV } from "../../spec/errno.ts";
import { call } from "../../spec/scopes/call.ts";
import { hidden, layout, plain, refers } from "../../spec/scopes/layout.ts";
import type { Names } from "../../spec/scopes/names.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "../../spec/scopes/scope.ts";
import type { State } from "../../spec/state/state.ts";
import { deviceCalls, projectDevice, onImporter, settling, sharedScope, type Settling } from "./parts.ts";

/** A step on a window that is open. */
type OnWindow = (task: string, importer: string, window: string) => StepDraft;

/** The contract's own words: steps of its operations, and what its tables show. */
export interface WindowWords {
  readonly open: (task: string, importer: string, restarts: boolean, window: string) => StepDraft;
  readonly use: OnWindow;
  readonly close: OnWindow;
  readonly finishCopy: (task: string, exporter: string) => StepDraft;
  readonly isOpen: (state: State, window: string) => boolean;
  /** The attachment behind a window, or of the one that the task is about to open. */
  readonly attachment: (state: State, window: string, task: string) => string;
}

/** What an importer's task waits to do; 0: nothing. */
const [opening, using, closing] = [1, 2, 3];

/**
 * One buffer that is revoked and given back, and importers with a window on it each, for a user that can start again or one
 * that cannot, as was agreed; device work and a move's copy that a revoke waits for.
 */
export function windowScope(words: WindowWords, counts: { readonly importer: number }): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    revoked: plain(2),
    /** A move's fence is not signaled: its copy, or the fence that was there before it. */
    copying: plain(2),
    /** Of the two the device's part is done. */
    copied: hidden(plain(2)),
    /** A BOOKKEEP fence covers device work. */
    covered: plain(2),
    /** A revoke waits for fences, with the lock held. */
    revoking: plain(2),
    /** Who waits for the copy, with the lock held. */
    holder: refers("importer", ids),
    opened: plain(2, "importer"),
    /** The user can start again, and both sides agreed on it. */
    restarts: plain(2, "importer"),
    mapped: plain(2, "importer"),
    doing: plain(4, "importer"),
  });
  const { revoked, copying, copied, covered, revoking, holder, opened, restarts, mapped, doing } = slots;
  const importers = Array.from({ length: counts.importer }, (_, i) => i);

  const isOpen = (s: Scratch) => s[revoked] === 0;
  const isLocked = (s: Scratch) => s[revoking] === 1 || s[holder] !== 0;
  const isIdle = (s: Scratch, i: number) => s[opened + i] === 1 && s[doing + i] === 0;
  const isAbsent = (s: Scratch, i: number) => s[opened + i] === 0 && s[doing + i] === 0;
  /** What was agreed on keeps the memory where it is, until both sides are apart again. */
  const isHeld = (s: Scratch) => importers.some((i) => s[opened + i] === 1 || s[doing + i] !== 0);
  const isOver = (s: Scratch, i: number) => s[mapped + i] === 0 && s[restarts + i] === 0;

  const shut = (s: Scratch, i: number) => {
    for (const slot of [opened, restarts, mapped, doing]) s[slot + i] = 0;
  };
  const takenOut = (s: Scratch) => {
    for (const i of importers) s[mapped + i] = 0;
  };

  /** All that follows by itself once a fence has signaled. */
  const settle = (s: Scratch) => {
    if (s[copied] === 1 && s[covered] === 0) {
      s[copying] = 0;
      s[copied] = 0;
    }
    if (s[copying] === 0) s[holder] = 0;
    if (s[copying] === 0 && s[covered] === 0) s[revoking] = 0;
    if (isLocked(s)) return;
    for (const i of importers) {
      if (s[doing + i] === opening) s[opened + i] = 1;
      if (s[doing + i] === closing) shut(s, i);
      // Whoever only wanted to use it finds that it is away.
      s[doing + i] = 0;
    }
  };
  /** A call that may be the end of a revoke: whoever waited for the lock behind it is told that the buffer is gone. */
  const ends = (change: Settling["change"], when: Settling["when"]) =>
    settling({
      change,
      when,
      settle,
      isRefusing: (before, after) => !isLocked(after) && importers.some((i) => before[doing + i] === using),
    });

  const onWindow = (step: OnWindow) => (names: Names, i: number) =>
    step(names.of("user", i), names.of("importer", i), names.of("window", i));

  const opens = (name: string, again: 0 | 1): readonly ScopeOperation[] =>
    onImporter(
      name,
      (names, i) => words.open(names.of("user", i), names.of("importer", i), again === 1, names.fresh("window", i)),
      {
        "": {
          when: (s, i) => isAbsent(s, i) && isOpen(s) && !isLocked(s) && s[copying] === 0,
          does: (s, i) => {
            s[opened + i] = 1;
            s[restarts + i] = again;
            s[mapped + i] = 1;
          },
        },
        waitsForCopy: {
          when: (s, i) => isAbsent(s, i) && isOpen(s) && !isLocked(s) && s[copying] === 1,
          does: (s, i) => {
            s[restarts + i] = again;
            s[mapped + i] = 1;
            s[doing + i] = opening;
            s[holder] = i + 1;
          },
        },
        refused: { errno: ENODEV, when: (s, i) => isAbsent(s, i) && !isOpen(s) },
      },
      // A second window of one importer; or it waits for the lock.
      { bounded: (s, i) => s[opened + i] === 1 || isLocked(s) },
    );

  const publish: ScopeOperation["steps"] = (names) => {
    const fence = names.fresh("fence");
    const hold = { task: "main", resv: "b1.resv" } as const;
    return [
      { task: "main", op: "fenceInit", fence, timeline: 1, seqno: names.number(), seqno64: false, hooks: [] },
      { ...hold, op: "lock", acquire: null },
      { ...hold, op: "reserveFences", count: 1 },
      { ...hold, op: "addFence", fence, usage: "bookkeep" },
      { ...hold, op: "unlock" },
    ];
  };

  const operations: readonly ScopeOperation[] = [
    ...opens("openRestarting", 1),
    ...opens("openFinal", 0),
    ...onImporter("use", onWindow(words.use), {
      "": { when: (s, i) => isIdle(s, i) && s[mapped + i] === 1 },
      over: { when: (s, i) => isIdle(s, i) && isOver(s, i) },
      again: {
        when: (s, i) => isIdle(s, i) && s[mapped + i] === 0 && !isOver(s, i) && isOpen(s),
        does: (s, i) => {
          s[mapped + i] = 1;
        },
      },
      away: {
        errno: ENODEV,
        when: (s, i) => isIdle(s, i) && s[mapped + i] === 0 && !isOver(s, i) && !isOpen(s) && !isLocked(s),
      },
      blocks: {
        when: (s, i) => isIdle(s, i) && s[mapped + i] === 0 && !isOver(s, i) && isLocked(s),
        does: (s, i) => {
          s[doing + i] = using;
        },
      },
    }),
    ...onImporter("close", onWindow(words.close), {
      "": { when: (s, i) => isIdle(s, i) && !isLocked(s), does: shut },
      blocks: {
        when: (s, i) => isIdle(s, i) && isLocked(s),
        does: (s, i) => {
          shut(s, i);
          s[doing + i] = closing;
        },
      },
    }),
    ...call({
      name: "publish",
      takes: [],
      steps: publish,
      outcomes: {
        "": {
          when: (s) => s[covered] === 0 && s[copying] === 0 && !isLocked(s),
          does: (s) => {
            s[covered] = 1;
          },
        },
      },
      // A second fence, one behind a copy, or it waits for the lock.
      bounded: () => true,
    }),
    ...call({
      name: "signal",
      takes: [],
      steps: (names) => [{ task: "main", op: "signal", fence: names.of("fence") }],
      outcomes: ends(
        (s) => {
          s[covered] = 0;
        },
        (s) => s[covered] === 1,
      ),
      // A second time.
      bounded: (s) => s[covered] === 0,
    }),
    ...call({
      name: "finishCopy",
      takes: [],
      steps: () => [words.finishCopy("main", "e1")],
      outcomes: {
        // Nobody has a window while a buffer moves: nobody is refused.
        "": {
          when: (s) => s[copying] === 1 && s[copied] === 0,
          does: (s) => {
            s[copied] = 1;
            settle(s);
          },
        },
        again: { when: (s) => s[copied] === 1 },
      },
    }),
    ...deviceCalls({
      revoked,
      copying,
      revoking,
      isReady: (s) => s[revoking] === 0 && s[holder] === 0,
      placement: "system",
      takenOut,
      // One more copy; or the exporter waits for the lock behind an importer.
      bounded: (s) => s[copying] === 1 || s[holder] !== 0,
      isHeld,
      isCovered: (s) => s[copying] === 1 || s[covered] === 1,
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    projectDevice(state, s, { revoked, copying, revoking });
    s[covered] = state.fences.get(names.find("fence") ?? "")?.signaled === false ? 1 : 0;
    for (const i of importers) {
      const user = names.of("user", i);
      const window = names.find("window", i) ?? "";
      const task = state.tasks.get(user);
      const [frame] = task?.frames ?? [];
      s[opened + i] = words.isOpen(state, window) ? 1 : 0;
      if (task?.waiting != null && frame?.kind === "call") {
        const op: string = frame.op;
        s[doing + i] = op.endsWith(".openWindow") ? opening : op.endsWith(".useWindow") ? using : closing;
        if (task.waiting.kind === "fence") s[holder] = i + 1;
      }
      if (s[opened + i] === 0 && s[doing + i] !== opening) continue;
      const attachment = words.attachment(state, window, user);
      s[restarts + i] = state.agreements.get(attachment)?.model === "recoverable" ? 1 : 0;
      s[mapped + i] = state.attachments.get(attachment)?.hookMaps.length ?? 0;
    }
  };

  return sharedScope(counts.importer, {
    name: "windows",
    about: "One buffer that is revoked and given back, and importers with a window on it, by what they agreed on.",
    areas: ["UNREV"],
    fields,
    operations,
    bounds:
      "one window of an importer, one fence of device work and one copy at a time; the exporter waits for fences, never for the lock",
    project,
  });
}
