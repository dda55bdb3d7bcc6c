import type { IntervalNotifier, ReferenceSpace, ReferenceVma } from "../../../reference-impl/spaces/address-space.ts";
import { ReferenceSpaces } from "../../../reference-impl/spaces/spaces.ts";
import type { IntervalOps, RangeNotice } from "../../../spec/roles/spaces.ts";
import type { Mutant } from "../mutant.ts";
import { faultySpaces } from "./kit.ts";

/** Address spaces that break their promises to listeners. */
export const mutants: readonly Mutant[] = [
  faultySpaces(
    "MMUN-07",
    "pages are freed before the listeners are told",
    (reached) =>
      class extends ReferenceSpaces {
        protected override *rangeStart(space: ReferenceSpace, notice: RangeNotice) {
          if (notice.change === "clear" && notice.blockable)
            for (let page = notice.start; page < notice.start + notice.pages; page += 1) {
              const vma = space.vmaAt(page);
              if (vma === null || vma.kind === "peer") continue;
              reached();
              this.dropPage(vma, page);
            }
          return yield* super.rangeStart(space, notice);
        }
      },
  ),
  faultySpaces(
    "MMUN-08",
    "nobody is told that a range becomes read-only",
    (reached) =>
      class extends ReferenceSpaces {
        protected override *rangeStart(space: ReferenceSpace, notice: RangeNotice) {
          if (notice.change !== "protect") return yield* super.rangeStart(space, notice);
          reached();
          space.activeInvalidateRanges += 1;
          return 0;
        }
      },
    { also: ["MMUN-27"] },
  ),
  faultySpaces(
    "MMUN-13",
    "the new page shows before the flush",
    (reached) =>
      class extends ReferenceSpaces {
        protected override *replacePage(vma: ReferenceVma, page: number) {
          const { space } = vma;
          const present = space.entries.get(page);
          const fresh = present === undefined || vma.kind === "peer" ? null : this.env.allocatePage();
          if (present === undefined || fresh === null) return;
          reached();
          yield* this.env.lockMutex(space.tableLock);
          this.setEntry(space, page, fresh, present.write);
          this.flushShared(space, page);
          yield* this.env.unlockMutex(space.tableLock);
          this.freeEntry(vma, present.target as typeof fresh);
        }
      },
  ),
  faultySpaces(
    "MMUN-13",
    "a page goes before devices that walk the table are flushed",
    (reached) =>
      class extends ReferenceSpaces {
        protected override flushShared() {
          reached();
        }
      },
    { from: ["M-MM3", "B-91"] },
  ),
  faultySpaces(
    "MMUN-20",
    "a VMA goes without a notice",
    (reached) =>
      class extends ReferenceSpaces {
        override *destroyVma(vma: ReferenceVma) {
          if (vma.kind !== "peer") return yield* super.destroyVma(vma);
          reached();
          yield* this.env.lockMutex(vma.space.lock);
          yield* this.closeVma(vma);
          yield* this.env.unlockMutex(vma.space.lock);
        }
      },
  ),
  faultySpaces(
    "MMUN-26",
    "the last of several records is not finished",
    (reached) =>
      class extends ReferenceSpaces {
        protected override *finishPass(finish: readonly IntervalNotifier[]) {
          if (finish.length > 1) reached();
          yield* super.finishPass(finish.length > 1 ? finish.slice(0, -1) : finish);
        }
      },
  ),
  faultySpaces(
    "MMUN-26",
    "a record is finished twice",
    (reached) =>
      class extends ReferenceSpaces {
        protected override *finishPass(finish: readonly IntervalNotifier[]) {
          if (finish.length > 0) reached();
          yield* super.finishPass([...finish, ...finish.slice(0, 1)]);
        }
      },
  ),
  faultySpaces(
    "MMUN-27",
    "a refusing range listener leaves the interval phase open",
    (reached) =>
      class extends ReferenceSpaces {
        protected override *rangeStart(space: ReferenceSpace, notice: RangeNotice) {
          const errno = yield* this.intervalStart(space, notice);
          if (errno !== 0) return errno;
          const refused = yield* this.listenersStart(space, notice);
          if (refused !== 0) reached();
          return refused;
        }
      },
    { also: ["MMUN-09"] },
  ),
  faultySpaces(
    "MMUN-27",
    "started listeners are not ended after a refusal",
    (reached) =>
      class extends ReferenceSpaces {
        private ended = true;
        protected override *listenersStart(space: ReferenceSpace, notice: RangeNotice) {
          this.ended = false;
          const errno = yield* super.listenersStart(space, notice);
          this.ended = true;
          return errno;
        }
        protected override *listenersEnd(space: ReferenceSpace, notice: RangeNotice) {
          if (!this.ended) return reached();
          yield* super.listenersEnd(space, notice);
        }
      },
  ),
  faultySpaces(
    "MMUN-29",
    "an empty interval is taken for one page",
    (reached) =>
      class extends ReferenceSpaces {
        override *insertNotifier(space: ReferenceSpace, start: number, pages: number, ops: IntervalOps) {
          if (pages === 0) reached();
          return yield* super.insertNotifier(space, start, pages === 0 ? 1 : pages, ops);
        }
      },
  ),
  faultySpaces(
    "MMUN-34",
    "a look-up gives pages for a device's VMA",
    (reached) =>
      class extends ReferenceSpaces {
        protected override hasPages(vma: ReferenceVma) {
          if (vma.kind === "device") reached();
          return vma.kind === "device" || super.hasPages(vma);
        }
      },
  ),
];
