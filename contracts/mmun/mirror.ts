import type { Rule } from "../rule.ts";
import { EBUSY, EFAULT, ENOMEM, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { frameOf, type MirrorState, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";
import { CallbackLocks, faultAtWork, overlap, privateLocks, usesInterval } from "./lookup.ts";
import { mirroring } from "./situations.ts";

/** How far a fault has come: sequence read, pages looked up, sequence found unchanged under a lock. */
interface Progress {
  readonly stage: "begun" | "looked" | "checked";
  readonly notifier: string;
  readonly lock: string | null;
}

/** The mirror that a task makes or serves. */
function mirrorAtWork(state: State, task: string): MirrorState | undefined {
  const name = frameOf(state.tasks.get(task), "mirror")?.mirror;
  return faultAtWork(state, task)?.mirror ?? (name === undefined ? undefined : state.mirrors.get(name));
}

/** References on address spaces that tasks took for themselves. */
class References {
  private readonly counts = new Map<string, number>();
  /** Faults in which a reference was asked for in vain. */
  private readonly refused = new Set<string>();

  got(event: RetEvent<"spaceGet">): void {
    if (event.answer) this.change(event.task, event.space, 1);
    else this.refused.add(event.task);
  }

  change(task: string, space: string, by: 1 | -1): void {
    const key = `${task} ${space}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + by);
  }

  has(task: string, space: string): boolean {
    return (this.counts.get(`${task} ${space}`) ?? 0) > 0;
  }

  begin(task: string): void {
    this.refused.delete(task);
  }

  wasRefused(event: RetEvent<"mirrorFault">): boolean {
    return this.refused.delete(event.task);
  }
}

/** The first page of a look-up that lies in a VMA without pages to give; null if there is none. */
function pageWithout(state: State, range: CallEvent<"rangeFault"> | RetEvent<"rangeFault">): number | null {
  for (const vma of state.vmas.values()) {
    if (vma.space !== range.space || !vma.live || !overlap(vma, range)) continue;
    if (vma.kind === "device" || vma.kind === "peer" || vma.kind === "unreadable")
      return Math.max(vma.start, range.start);
  }
  return null;
}

export const mmun01: Rule = {
  id: "MMUN-01",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The mirror reads the notifier sequence, looks up the pages, takes its own lock, checks the sequence again and only then installs the secondary entry.",
  intent: "An invalidate that falls between lookup and install leaves the device with a freed page.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_interval_read_retry"),
    doc("Documentation/mm/hmm.rst", "address space mirroring"),
  ],
  needs: ["mirror"],
  temporal: ["T-30"],
  hints: ["Is the second check made under the lock that the callback takes?"],
  status: checked,
  situation: { weights: mirroring, importers: ["mirror"] },
  monitor: remember(() => new Map<string, Progress>(), {
    "ret readBegin"(event, _state, _verdict, progress) {
      progress.set(event.task, { stage: "begun", notifier: event.notifier, lock: null });
    },
    "call rangeFault"(event, _state, _verdict, progress) {
      const known = progress.get(event.task);
      if (known?.stage === "begun") progress.set(event.task, { ...known, stage: "looked" });
    },
    "ret readRetry"(event, state, _verdict, progress) {
      const known = progress.get(event.task);
      const lock = privateLocks(state, event.task).at(-1) ?? null;
      if (known?.stage !== "looked" || known.notifier !== event.notifier || event.answer) return;
      progress.set(event.task, { ...known, stage: lock === null ? "looked" : "checked", lock });
    },
    unlock(event, _state, _verdict, progress) {
      const known = progress.get(event.task);
      if (known?.lock === event.lock) progress.delete(event.task);
    },
    "call install"(event, state, verdict, progress) {
      const mirror = mirrorAtWork(state, event.task);
      if (event.via !== "page" || mirror === undefined || !usesInterval(mirror)) return;
      verdict.exercised();
      if (progress.get(event.task)?.stage !== "checked")
        verdict.violated(
          `${event.by} makes an entry for page ${event.page} of ${mirror.space} without a look at the sequence under its lock`,
        );
    },
  }),
};

export const mmun02: Rule = {
  id: "MMUN-02",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "When the second check asks for a retry, the mirror installs nothing, drops its lock and starts over with a new read of the sequence.",
  intent: "Pages found before the change belong to the past.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_interval_read_retry"),
    doc("Documentation/mm/hmm.rst", "address space mirroring"),
  ],
  needs: ["mirror"],
  temporal: ["T-30"],
  hints: ["Does the loop jump back before the sequence read, or only to the lookup?"],
  status: checked,
  situation: { weights: mirroring, importers: ["mirror"], tasks: 3, pauses: 0.3 },
  monitor: remember(() => new Map<string, RetEvent<"readRetry">>(), {
    "ret readRetry"(event, _state, verdict, refused) {
      if (!event.answer) return;
      verdict.exercised();
      refused.set(event.task, event);
    },
    "call readBegin"(event, _state, _verdict, refused) {
      refused.delete(event.task);
    },
    "call rangeFault"(event, _state, verdict, refused) {
      const again = refused.get(event.task);
      if (again !== undefined && event.notifier === again.notifier)
        verdict.violated(`${event.by} looks pages up again with the sequence that had changed`, again);
    },
    "call install"(event, state, verdict, refused) {
      const again = refused.get(event.task);
      if (again !== undefined && event.via === "page" && mirrorAtWork(state, event.task) !== undefined)
        verdict.violated(`${event.by} makes an entry of pages that were looked up before the change`, again);
    },
    "ret mirrorFault"(event, _state, _verdict, refused) {
      refused.delete(event.task);
    },
  }),
};

export const mmun11: Rule = {
  id: "MMUN-11",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A successful insert is no proof that the notifier is active: only a passed sequence check permits an install.",
  intent: "An invalidation already running at the insert may end without a callback to the newcomer.",
  sources: [doc("mm/mmu_notifier.c", "kernel-doc of mmu_interval_notifier_insert")],
  needs: ["mirror"],
  hints: ["Is the first install after registration done without the sequence protocol?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 12 }, importers: ["mirror"] },
  monitor: remember(() => ({ first: new Set<string>(), passed: new Set<string>() }), {
    "ret readRetry"(event, _state, _verdict, { passed }) {
      if (!event.answer) passed.add(event.notifier);
    },
    "call install"(event, state, verdict, { first, passed }) {
      const mirror = mirrorAtWork(state, event.task);
      const notifier = mirror?.notifier ?? null;
      if (mirror === undefined || !usesInterval(mirror) || notifier === null || first.has(notifier)) return;
      first.add(notifier);
      verdict.exercised();
      if (!passed.has(notifier))
        verdict.violated(
          `the first entry after the insert of ${notifier} was made without a passed check of the sequence`,
          verdict.since("notifiers", notifier, "phase"),
        );
    },
  }),
};

export const mmun12: Rule = {
  id: "MMUN-12",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "While it faults in pages of another process, the mirror holds a live reference to that address space, and it fails with EFAULT if none can be had.",
  intent: "The process may exit at any moment and take its page tables along.",
  sources: [doc("Documentation/mm/hmm.rst", "mmget_not_zero before a range fault")],
  needs: ["mirror"],
  hints: ["Is mmget_not_zero called, and not only mmgrab?"],
  status: checked,
  situation: { weights: { ...mirroring, exitSpace: 4 }, importers: ["mirror"] },
  monitor: remember(() => new References(), {
    "ret spaceGet"(event, _state, _verdict, references) {
      references.got(event);
    },
    "call spacePut"(event, _state, _verdict, references) {
      references.change(event.task, event.space, -1);
    },
    "call rangeFault"(event, state, verdict, references) {
      if (event.by === "framework") return;
      verdict.exercised();
      if (!references.has(event.task, event.space))
        verdict.violated(
          `${event.by} faults in pages of ${event.space} without a reference that keeps it alive`,
          verdict.since("spaces", event.space, "users"),
        );
    },
    "call mirrorFault"(event, _state, _verdict, references) {
      references.begin(event.task);
    },
    "ret mirrorFault"(event, _state, verdict, references) {
      if (!references.wasRefused(event)) return;
      verdict.exercised();
      if (event.errno !== EFAULT)
        verdict.violated(`a fault in an address space that is gone is answered with ${errnoName(event.errno)}`);
    },
  }),
};

export const mmun25: Rule = {
  id: "MMUN-25",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The sequence is read with no lock held that a callback takes, and the range fault runs with the address-space lock held.",
  intent: "The read waits for a running invalidation, which would wait for that very lock.",
  sources: [
    kernel("mm/mmu_notifier.c", "mmu_interval_read_begin", "6.12, 7.2"),
    kernel("mm/hmm.c", "hmm_range_fault", "6.12, 7.2"),
    doc("Documentation/mm/hmm.rst", "address space mirroring"),
  ],
  needs: ["mirror"],
  hints: ["Which locks are held at mmu_interval_read_begin?"],
  status: checked,
  situation: { weights: { ...mirroring, changeRange: 14 }, importers: ["mirror"], tasks: 2, pauses: 0.1 },
  monitor: remember(() => new CallbackLocks(), {
    lock(event, state, _verdict, locks) {
      locks.note(event, state);
    },
    "call readBegin"(event, state, verdict, locks) {
      verdict.exercised();
      const [held] = locks.heldBy(state, event.task, event.notifier);
      if (held !== undefined)
        verdict.violated(
          `${event.by} reads the sequence of ${event.notifier} with ${held} held, which its callback takes`,
          verdict.since("locks", held, "owner"),
        );
    },
    "call rangeFault"(event, state, verdict) {
      const lock = state.spaces.get(event.space)?.lock ?? null;
      if (event.by === "framework" || lock === null) return;
      verdict.exercised();
      if (state.locks.get(lock)?.owner !== event.task)
        verdict.violated(`${event.by} looks up pages of ${event.space} without the lock of the address space`);
    },
  }),
};

export const mmun34: Rule = {
  id: "MMUN-34",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A range fault gives no page entry for a device, PFN-mapped or unreadable VMA: it fails with EFAULT if entries were demanded and marks them as errors in a snapshot.",
  intent: "Such a VMA has no pages with a lifetime that a mirror could rely on.",
  sources: [kernel("mm/hmm.c", "hmm_vma_walk_test", "6.12, 7.2"), doc("mm/hmm.c", "kernel-doc of hmm_range_fault")],
  needs: ["mirror"],
  hints: ["Is an entry with the error mark skipped by the install loop?"],
  status: checked,
  situation: { weights: { ...mirroring, createVma: 12, copyPage: 8 }, importers: ["mirror"] },
  monitor: on({
    "ret rangeFault"(event, state, verdict) {
      const bad = pageWithout(state, event);
      if (bad === null || event.errno === ENOMEM || event.errno === EBUSY) return;
      verdict.exercised();
      const found = event.found[bad - event.start];
      if (event.demand ? event.errno === 0 : event.errno === 0 && found !== "error")
        verdict.violated(
          `a look-up gives ${found ?? "an entry"} for page ${bad} of ${event.space}, which has no pages to give`,
        );
    },
  }),
};

export const mmun36: Rule = {
  id: "MMUN-36",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A secondary entry grants no more than the range fault reported for its page in the pass whose sequence was then confirmed.",
  intent: "A writable device entry on a copy-on-write page writes into memory that others read.",
  sources: [doc("Documentation/mm/hmm.rst", "valid and write flags"), doc("mm/hmm.c", "kernel-doc of hmm_range_fault")],
  needs: ["mirror"],
  hints: ["Is the write flag taken per page from the result or once from the request?"],
  status: checked,
  situation: { weights: { ...mirroring, changeRange: 16 }, importers: ["mirror"] },
  monitor: remember(() => new Map<string, RetEvent<"rangeFault">>(), {
    "ret rangeFault"(event, _state, _verdict, last) {
      if (event.errno === 0) last.set(event.task, event);
    },
    "call install"(event, state, verdict, last) {
      const looked = last.get(event.task);
      if (event.via !== "page" || looked === undefined || faultAtWork(state, event.task) === undefined) return;
      const at = looked.found.indexOf(event.target ?? "");
      if (at < 0 || looked.writable[at] === true) return;
      verdict.exercised();
      if (event.write)
        verdict.violated(`${event.by} may write to ${event.target ?? ""}, which was found to be read-only`, looked);
    },
  }),
};

export const rules: readonly Rule[] = [mmun01, mmun02, mmun11, mmun12, mmun25, mmun34, mmun36];
