import { MirrorImporter } from "../../../reference-impl/importers/mirror-importer.ts";
import type { MirrorState } from "../../../reference-impl/importers/mirror.ts";
import { EFAULT, type Errno } from "../../../spec/errno.ts";
import type { Env, PageTable, PageTarget } from "../../../spec/roles/env.ts";
import type { MirrorRequest, Notifier, RangeNotice } from "../../../spec/roles/spaces.ts";
import type { Mutant } from "../mutant.ts";
import { patched } from "../move/parts.ts";
import { faultyMirror } from "./kit.ts";

function usesInterval({ form }: MirrorState): boolean {
  return form === "interval" || form === "twoPass";
}

/** Once a page could be written, every later entry for it may write. */
function remembering(env: Env, reached: () => void): Env {
  const writable = new Set<string>();
  return patched(env, {
    install: (table: PageTable, page: number, target: PageTarget, write: boolean) => {
      const key = `${table.name} ${page}`;
      if (write) writable.add(key);
      const more = !write && target.via === "page" && writable.has(key);
      if (more) reached();
      env.install(table, page, target, write || more);
    },
  });
}

/** Importers that mirror address spaces. */
export const mutants: readonly Mutant[] = [
  faultyMirror(
    "MMUN-01",
    "the sequence is not looked at again",
    (reached) =>
      class extends MirrorImporter {
        protected override hasChanged(mirror: MirrorState, sequence: number) {
          if (!usesInterval(mirror)) return super.hasChanged(mirror, sequence);
          reached();
          return mirror.notifier === null;
        }
      },
    { from: ["M-MM1", "B-168"], also: ["MMUN-03", "MMUN-07", "MMUN-11", "MMUN-09", "MMUN-17", "MMUN-36"] },
  ),
  faultyMirror(
    "MMUN-02",
    "pages from before the change are installed all the same",
    (reached) =>
      class extends MirrorImporter {
        protected override hasChanged(mirror: MirrorState, sequence: number) {
          const changed = super.hasChanged(mirror, sequence);
          if (!changed || !usesInterval(mirror) || mirror.notifier === null) return changed;
          reached();
          return false;
        }
      },
    { from: ["M-MM1", "B-175"], also: ["MMUN-01", "MMUN-07", "MMUN-09", "MMUN-11", "MMUN-17", "MMUN-36"] },
  ),
  faultyMirror(
    "MMUN-03",
    "the sequence is not saved",
    (reached) =>
      class extends MirrorImporter {
        protected override *invalidateRange(
          mirror: MirrorState,
          notifier: Notifier,
          notice: RangeNotice,
          sequence: number,
        ) {
          if (this.isOwn(notice) || !notice.blockable)
            return yield* super.invalidateRange(mirror, notifier, notice, sequence);
          reached();
          yield* this.env.lockMutex(mirror.lock);
          if (notice.change === "release") mirror.closed = true;
          yield* this.drop(mirror, notice.start, notice.pages);
          yield* this.env.unlockMutex(mirror.lock);
          return true;
        }
      },
    { also: ["MMUN-07"] },
  ),
  faultyMirror(
    "MMUN-03",
    "the last page of the range stays",
    (reached) =>
      class extends MirrorImporter {
        protected override *drop(mirror: MirrorState, start: number, pages: number) {
          if (pages > 1 && pages < mirror.pages) reached();
          yield* super.drop(mirror, start, pages > 1 && pages < mirror.pages ? pages - 1 : pages);
        }
      },
    { also: ["MMUN-07", "MMUN-08", "MMUN-17", "MMUN-20", "MMUN-24", "MMUN-32", "MMUN-33"] },
  ),
  faultyMirror(
    "MMUN-03",
    "an invalidation gives up where a signal is pending",
    (reached) =>
      class extends MirrorImporter {
        protected override *invalidateRange(
          mirror: MirrorState,
          notifier: Notifier,
          notice: RangeNotice,
          sequence: number,
        ) {
          if (!notice.blockable || !this.env.interruptPending())
            return yield* super.invalidateRange(mirror, notifier, notice, sequence);
          reached();
          return true;
        }
      },
    {
      from: ["B-177"],
      also: ["MMUN-07", "MMUN-08", "MMUN-09", "MMUN-17", "MMUN-18", "MMUN-20", "MMUN-24", "MMUN-32", "MMUN-33"],
    },
  ),
  faultyMirror(
    "MMUN-04",
    "a callback that may not block waits for its lock",
    (reached) =>
      class extends MirrorImporter {
        protected override *invalidateRange(
          mirror: MirrorState,
          notifier: Notifier,
          notice: RangeNotice,
          sequence: number,
        ) {
          if (!notice.blockable) reached();
          return yield* super.invalidateRange(mirror, notifier, { ...notice, blockable: true }, sequence);
        }
      },
  ),
  faultyMirror(
    "MMUN-05",
    "the count of running invalidations is not looked at",
    (reached) =>
      class extends MirrorImporter {
        protected override hasChanged(mirror: MirrorState, sequence: number) {
          if (usesInterval(mirror) || mirror.running === 0) return super.hasChanged(mirror, sequence);
          reached();
          return mirror.notifier === null || mirror.sequence !== sequence;
        }
      },
    { also: ["MMUN-07", "MMUN-08"] },
  ),
  faultyMirror(
    "MMUN-06",
    "a start that may refuse has an end",
    (reached) =>
      class extends MirrorImporter {
        protected override opsOf(mirror: MirrorState) {
          if (mirror.form === "range") reached();
          return mirror.form === "range" ? { ...super.opsOf(mirror), refuses: true } : super.opsOf(mirror);
        }
      },
  ),
  faultyMirror(
    "MMUN-08",
    "a change of rights is taken for nothing that concerns a mirror",
    (reached) =>
      class extends MirrorImporter {
        protected override *dropInStart(mirror: MirrorState, notice: RangeNotice) {
          if (notice.change === "protect") reached();
          else yield* super.dropInStart(mirror, notice);
        }
      },
    { from: ["M-MM7"] },
  ),
  faultyMirror(
    "MMUN-09",
    "entries outlive the end of the address space",
    (reached) =>
      class extends MirrorImporter {
        protected override *released(notifier: Notifier) {
          if (this.mirrors.has(notifier)) reached();
          yield* this.env.point("release");
        }
      },
    { also: ["MMUN-07"] },
  ),
  faultyMirror(
    "MMUN-09",
    "the last put of the address space comes under the lock of the callback",
    (reached) =>
      class extends MirrorImporter {
        override *mirrorFault(mirror: MirrorState, page: number, write: boolean) {
          if (mirror.closed || !this.env.spaceGet(mirror.space)) return EFAULT;
          const errno = yield* super.mirrorFault(mirror, page, write);
          reached();
          yield* this.env.lockMutex(mirror.lock);
          yield* this.env.spacePut(mirror.space);
          yield* this.env.unlockMutex(mirror.lock);
          return errno;
        }
      },
    { from: ["M-MM5", "B-166"] },
  ),
  faultyMirror(
    "MMUN-10",
    "the notifier is removed under the lock of its callback",
    (reached) =>
      class extends MirrorImporter {
        protected override *stopListening(mirror: MirrorState) {
          reached();
          yield* this.env.lockMutex(mirror.lock);
          yield* super.stopListening(mirror);
          yield* this.env.unlockMutex(mirror.lock);
        }
      },
    { also: ["MMUN-09"] },
  ),
  faultyMirror(
    "MMUN-11",
    "a fresh mirror is filled at once",
    (reached) =>
      class extends MirrorImporter {
        override *mirror(request: MirrorRequest) {
          const made = yield* super.mirror(request);
          if (typeof made === "number" || !usesInterval(made) || !this.env.spaceGet(request.space)) return made;
          yield* this.env.lockMutex(request.space.lock);
          const ask = { start: made.start, pages: 1, write: false, demand: true, sequence: 0 };
          const found = yield* this.env.rangeFault(request.space, null, ask);
          yield* this.env.unlockMutex(request.space.lock);
          const entry = typeof found === "number" ? undefined : found[0];
          if (entry !== null && entry !== undefined) {
            reached();
            this.env.install(made.table, made.start, { via: "page", page: entry.page }, entry.write);
          }
          yield* this.env.spacePut(request.space);
          return made;
        }
      },
    { also: ["MMUN-01", "MMUN-07", "MMUN-08"] },
  ),
  faultyMirror(
    "MMUN-12",
    "pages are faulted in without a reference on the address space",
    (reached) =>
      class extends MirrorImporter {
        override *mirrorFault(mirror: MirrorState, page: number, write: boolean): Generator<never, Errno, unknown> {
          reached();
          return yield* this.faultOnce(mirror, page, write) as Generator<never, Errno, unknown>;
        }
      },
    { also: ["MMUN-09", "MMUN-01", "MMUN-02", "MMUN-20"] },
  ),
  faultyMirror(
    "MMUN-25",
    "the sequence is read under the lock of the callback",
    (reached) =>
      class extends MirrorImporter {
        protected override *readSequence(mirror: MirrorState) {
          reached();
          yield* this.env.lockMutex(mirror.lock);
          const sequence = yield* super.readSequence(mirror);
          yield* this.env.unlockMutex(mirror.lock);
          return sequence;
        }
      },
    { also: ["MMUN-09"] },
  ),
  faultyMirror(
    "MMUN-28",
    "the notifier is put before the entries are gone",
    (reached) =>
      class extends MirrorImporter {
        protected override *dropAll(mirror: MirrorState) {
          if (mirror.form !== "getPut") return yield* super.dropAll(mirror);
          reached();
          yield* this.stopListening(mirror);
          yield* super.dropAll(mirror);
        }
      },
    { also: ["MMUN-07"] },
  ),
  faultyMirror(
    "MMUN-33",
    "every migration passes for one of its own",
    (reached) =>
      class extends MirrorImporter {
        protected override isOwn(notice: RangeNotice) {
          const moves = notice.change === "migrate" || notice.change === "exclusive";
          if (moves && !super.isOwn(notice)) reached();
          return moves;
        }
      },
    { also: ["MMUN-03", "MMUN-17", "MMUN-24", "MMUN-07"] },
  ),
  faultyMirror(
    "MMUN-35",
    "one record of callbacks for both ways to listen",
    (reached) =>
      class extends MirrorImporter {
        protected override opsOf(mirror: MirrorState) {
          const ops = super.opsOf(mirror);
          if (mirror.form !== "shared") return ops;
          reached();
          return { ...ops, end: () => undefined };
        }
      },
  ),
  faultyMirror(
    "MMUN-36",
    "a page that could be written once is taken for writable",
    (reached) =>
      class extends MirrorImporter {
        constructor(env: Env) {
          super(remembering(env, reached));
        }
      },
    { from: ["M-MM7", "B-41", "B-171"] },
  ),
];
