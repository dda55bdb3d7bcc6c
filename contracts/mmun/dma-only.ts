import type { Rule } from "../rule.ts";
import type { CbRetEvent } from "../../spec/event.ts";
import type { MirrorState, State } from "../../spec/state/state.ts";
import { EFAULT, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { thread } from "../source.ts";
import { entriesIn, faultAtWork, isOwnMove, mirrorOf, overlap } from "./lookup.ts";
import { peers } from "./situations.ts";

/** The buffer that a VMA under a mirror shows. */
function bufferBehind(state: State, mirror: MirrorState): string | undefined {
  for (const vma of state.vmas.values())
    if (
      vma.live &&
      vma.space === mirror.space &&
      vma.kind === "peer" &&
      overlap(vma, mirror) &&
      isAttached(state, vma.buffer, mirror)
    )
      return vma.buffer ?? undefined;
  return undefined;
}

function isAttached(state: State, buffer: string | null, mirror: MirrorState): boolean {
  for (const attachment of state.attachments.values())
    if (attachment.buffer === buffer && state.mirrors.get(attachment.import ?? "") === mirror) return true;
  return false;
}

function isPeerPage(state: State, mirror: MirrorState, page: number): boolean {
  for (const vma of state.vmas.values())
    if (vma.live && vma.space === mirror.space && vma.kind === "peer" && overlap(vma, { start: page, pages: 1 }))
      return true;
  return false;
}

/** No entry of the mirror leads to the buffer's memory; in a range where one is given. */
function judgeStopped(
  event: CbRetEvent<"invalidate"> | CbRetEvent<"mmuInvalidate">,
  buffer: string,
  mirror: MirrorState,
  state: State,
  verdict: Verdict,
  range: { readonly start: number; readonly pages: number } = { start: 0, pages: Number.MAX_SAFE_INTEGER },
): void {
  verdict.exercised();
  const left = entriesIn(state, mirror, range).find(
    (entry) => entry.via === "address" && leadsTo(state, entry.address, buffer),
  );
  if (left !== undefined)
    verdict.violated(
      `${event.to} was told by ${event.hook === "invalidate" ? "the dma-buf" : "the notifier"} and still reaches ${buffer}`,
      verdict.since("entries", `${left.table}:${left.page}`, "address"),
    );
}

function leadsTo(state: State, address: number, buffer: string): boolean {
  for (const grant of state.grants.values())
    if (grant.addresses.includes(address)) return state.vmas.get(grant.vma)?.buffer === buffer;
  return true;
}

export const mmun22: Rule = {
  id: "MMUN-22",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "No one marks pages or page-table entries of BAR memory dirty.",
  intent: "It has no backing file, and the attempt looks for a page that does not exist.",
  sources: [thread("002", "dirtying does not apply to BAR memory")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Does the release path of user memory run for BAR ranges too?"],
  status: checked,
  situation: {
    weights: { ...peers, unmirror: 6 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: remember(() => new Set<string>(), {
    "call install"(event, state, _verdict, wrote) {
      const mirror = faultAtWork(state, event.task)?.call.mirror;
      if (mirror !== undefined && event.via === "address" && event.write) wrote.add(mirror);
    },
    "call setDirty"(event, state, verdict) {
      if (state.resources.get(event.target)?.what === "page") return;
      verdict.exercised();
      verdict.violated(`${event.by} marks ${event.target} dirty, which is memory of a device`);
    },
    "ret unmirror"(event, _state, verdict, wrote) {
      if (wrote.delete(event.mirror)) verdict.exercised();
    },
  }),
};

export const mmun23: Rule = {
  id: "MMUN-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The CPU does not touch memory described by a list made for DMA only, and a flow that would have to fails with EOPNOTSUPP.",
  intent: "The list may hold I/O memory, and ordinary loads and stores are not safe on it.",
  sources: [thread("002", "a DMA-only list as a type of its own")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Which fallback of this flow maps a list entry into the kernel?"],
  status: checked,
  situation: {
    weights: { ...peers, copyPage: 16 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    "call cpuTouch"(event, state, verdict) {
      if (state.resources.get(event.target)?.what === "page") return;
      verdict.exercised();
      verdict.violated(`the CPU touches ${event.target}, which ${event.by} has for DMA only`);
    },
    "ret copyPage"(event, state, verdict) {
      const mirror = state.mirrors.get(event.mirror);
      if (mirror === undefined || !isPeerPage(state, mirror, event.page) || event.errno === EFAULT) return;
      verdict.exercised();
      if (event.errno !== EOPNOTSUPP)
        verdict.violated(
          `a copy of page ${event.page}, which is there for DMA only, is answered with ${errnoName(event.errno)}`,
        );
    },
  }),
};

export const mmun24: Rule = {
  id: "MMUN-24",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that reaches a dma-buf through a VMA stops its access on a notifier event and on a dma-buf invalidate, each one alone being enough.",
  intent:
    "The one says that the address range changed, the other that the memory behind it did, and either may come without the other.",
  sources: [thread("000", "notifiers track VMAs, pin and move_notify track the memory of a dma-buf")],
  needs: ["vmaPeer", "mirror"],
  hints: ["Is one of the two callbacks empty because the other is thought to cover it?"],
  status: checked,
  situation: {
    weights: { ...peers, move: 14, changeRange: 12 },
    importers: ["mirror"],
    exporters: ["subject"],
    sizes: [4096, 12288],
  },
  monitor: on({
    "cbret invalidate"(event, state, verdict) {
      const attachment = state.attachments.get(event.attachment);
      const mirror = state.mirrors.get(attachment?.import ?? "");
      if (attachment !== undefined && mirror !== undefined)
        judgeStopped(event, attachment.buffer, mirror, state, verdict);
    },
    "cbret mmuInvalidate"(event, state, verdict) {
      const mirror = mirrorOf(state, event.notifier);
      const buffer = mirror === undefined ? undefined : bufferBehind(state, mirror);
      if (event.answer && buffer !== undefined && mirror !== undefined && !isOwnMove(event))
        judgeStopped(event, buffer, mirror, state, verdict, event);
    },
  }),
};

export const mmun30: Rule = {
  id: "MMUN-30",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "For a DMA-only list the DMA mapping is made right after the page lookup, in the same operation.",
  intent: "A list that stays unmapped on its way through the layers gets treated as CPU memory by one of them.",
  sources: [thread("002", "do the DMA map close to GUP, not buried in the driver")],
  needs: ["vmaPeer", "mirror"],
  hints: ["How many layers see the list before it is mapped?"],
  status: checked,
  situation: { weights: peers, importers: ["mirror"], exporters: ["subject"], sizes: [4096, 12288] },
  monitor: remember(() => new Map<number, number>(), {
    "ret p2pMap"(event, state, _verdict, found) {
      const fault = faultAtWork(state, event.task);
      if (event.errno === 0 && fault !== undefined)
        for (const address of event.addresses) found.set(address, fault.call.seq);
    },
    "call install"(event, state, verdict, found) {
      if (event.via !== "address") return;
      const fault = faultAtWork(state, event.task);
      if (fault === undefined) return;
      verdict.exercised();
      if (found.get(event.address) !== fault.call.seq)
        verdict.violated(`${event.by} uses an address that it got in an earlier operation`);
    },
  }),
};

export const rules: readonly Rule[] = [mmun22, mmun23, mmun24, mmun30];
