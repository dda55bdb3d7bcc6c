import { EINTR, EINVAL, ENODEV, ENOMEM, ERESTARTSYS, errnoName } from "../../spec/errno.ts";
import type { LockEvent, ResumedEvent, RetEvent, TranslateEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { bufferOf, hooksIn, innermost } from "../shared/lookup.ts";
import { hex } from "./segments.ts";
import { doc, kernel, run } from "../source.ts";

type Mapped = RetEvent<"map" | "mapUnlocked">;

/** MAP-23, the core's half: what its hooks did is undone. */
function leavesNothing(event: Mapped, state: State, verdict: Verdict): void {
  const hooks = hooksIn(state, event.task, event.call);
  if (event.errno === 0 || hooks.length === 0) return;
  verdict.exercised();
  const count = (name: string) => hooks.filter(({ hook, errno }) => hook === name && errno === 0).length;
  const tables = hooks.filter((hook) => hook.hook === "map" && hook.errno === 0 && hook.table !== null).length;
  if (tables !== count("unmap"))
    verdict.violated(`${event.op} fails after ${tables} map and ${count("unmap")} unmap hooks`, ...hooks);
  else if (count("pin") !== count("unpin"))
    verdict.violated(`${event.op} fails after ${count("pin")} pins and ${count("unpin")} unpins`, ...hooks);
}

/** What a map of a revoked buffer may answer: memory and signals come before the question. */
const refusals: ReadonlySet<number> = new Set([ENODEV, ENOMEM, EINTR, ERESTARTSYS]);

function isRevoked(state: State, attachment: string): boolean {
  const access = bufferOf(state, attachment)?.access;
  return access === "revoked" || access === "revokedForever";
}

/** A signal ends a wait inside a map: of a hook (true) or of the core. What a callback that the hook runs waits for is not the map's. */
function noteInterruption(
  event: ResumedEvent | LockEvent | RetEvent<"waitFences" | "waitFence">,
  state: State,
  interrupted: Map<number, boolean>,
): void {
  if (event.errno !== EINTR && event.errno !== ERESTARTSYS) return;
  const frames = state.tasks.get(event.task)?.frames ?? [];
  const index = frames.findLastIndex(
    (frame) => frame.kind === "call" && (frame.op === "map" || frame.op === "mapUnlocked"),
  );
  const inside = frames.slice(index + 1).filter((frame) => frame.kind === "cb");
  if (index < 0 || inside.some(({ hook }) => hook === "invalidate")) return;
  interrupted.set(frames[index]!.seq, inside.length > 0);
}

/** MAP-28. Success is right too: the wait may have been tried again. */
function saysInterrupted(
  event: Mapped,
  state: State,
  verdict: Verdict,
  interrupted: ReadonlyMap<number, boolean>,
): void {
  const isEnded = event.errno === EINTR || event.errno === ERESTARTSYS;
  if (!isEnded && !interrupted.has(event.call)) return;
  // EINTR that was injected elsewhere is no wait, and one of the core none of the exporter: judged, but showing nothing.
  if (interrupted.get(event.call) === true) verdict.exercised();
  const hooks = hooksIn(state, event.task, event.call);
  const tables = hooks.filter((hook) => hook.hook === "map" && hook.errno === 0 && hook.table !== null).length;
  if (event.errno !== 0 && !isEnded)
    verdict.violated(`${event.op} was interrupted and answers ${errnoName(event.errno)}, not EINTR`);
  else if (isEnded && tables > hooks.filter(({ hook }) => hook === "unmap").length)
    verdict.violated(`${event.op} was interrupted and leaves a mapping that nobody has`, ...hooks);
}

export const map23: Rule = {
  id: "MAP-23",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "After a map that failed, DMA mappings, pins and counters are what they were before the call.",
  intent: "Each failure would otherwise leak address space or pin memory, and a retry loop uses it all up.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, error paths", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt, error path", "7.2"),
    run(["6.12.117", "7.2.13"], "nothing left after a failing hook, the next map works"),
  ],
  hints: [
    "Which entries does the error path unmap: those mapped so far, or all that were allocated?",
    "Is reserved address space given back if the very first step fails?",
    "Is the automatic pin dropped on every error after it?",
  ],
  status: checked,
  evidence: ["translate"],
  monitor: remember(() => new Map<number, TranslateEvent[]>(), {
    "cb map": (event, _state, _verdict, made) => void made.set(event.seq, []),
    translate(event, state, _verdict, made) {
      if (event.on) made.get(innermost(state, event.task)?.seq ?? -1)?.push(event);
    },
    "cbret map"(event, state, verdict, made) {
      const translations = made.get(event.cb) ?? [];
      made.delete(event.cb);
      if (event.injected || (event.errno === 0 && event.table !== null)) return;
      verdict.exercised();
      const left = translations.find(({ device, address }) => state.translations.has(`${device}@${address}`));
      if (left !== undefined)
        verdict.violated(
          `the map hook answers ${errnoName(event.errno)} and leaves ${left.length} bytes mapped at ${hex(left.address)}`,
          left,
        );
    },
    "ret map": leavesNothing,
    "ret mapUnlocked": leavesNothing,
  }),
  situation: {
    weights: { attach: 2, mapUnlocked: 4, import: 3 },
    failures: [{ site: "dma-map", errno: 12 }],
    sizes: [16 * 4096],
    maxSegments: [4096],
    interrupts: true,
  },
};

export const map24: Rule = {
  id: "MAP-24",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Map of a revoked buffer fails with ENODEV and does not wait for an unrevoke.",
  intent: "A map that waits holds the lock that the unrevoke needs, and the importer hangs instead of giving up.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map", "6.19+"),
    kernel(
      "drivers/infiniband/core/umem_dmabuf.c",
      "ib_umem_dmabuf_map_pages (EINVAL if the importer itself is revoked)",
      "6.12, 7.2",
    ),
    run(["7.2.13"], "iommufd test exporter: ENODEV at once, attachment count unchanged"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: ["Does the hook test the flag before it waits for anything?", "Does it wake or resume the device first?"],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    "cb map": (event, state, _verdict, revoked) => void (isRevoked(state, event.attachment) && revoked.add(event.seq)),
    blocked(event, state, verdict, revoked) {
      const hook = innermost(state, event.task);
      if (
        hook === undefined ||
        !revoked.has(hook.seq) ||
        (event.wait.kind !== "other" && event.wait.kind !== "unmapped")
      )
        return;
      verdict.exercised();
      verdict.violated("the map hook waits although the buffer is revoked", hook);
    },
    "cbret map"(event, state, verdict, revoked) {
      if (!revoked.has(event.cb) || event.injected || !isRevoked(state, event.attachment)) return;
      verdict.exercised();
      if (!refusals.has(event.errno) && !(event.errno === EINVAL && event.direction === "none"))
        verdict.violated(
          `${event.to} answers ${errnoName(event.errno)} to a map of a revoked buffer, not ENODEV`,
          verdict.since("buffers", state.attachments.get(event.attachment)?.buffer ?? "", "access"),
        );
    },
  }),
  situation: { weights: { attach: 2, revoke: 4, unrevoke: 0.5, mapUnlocked: 4, submit: 3 }, exporters: ["subject"] },
};

export const map28: Rule = {
  id: "MAP-28",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement: "A map ended by a signal returns EINTR and changes nothing, and the caller is able to repeat it.",
  intent: "Signals come at any time; an importer that takes one for a broken buffer fails healthy jobs.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment")],
  onlyIf: "wait interruptibly inside a map",
  hints: [
    "Does the importer pass the interruption up, or does it mark the buffer as bad?",
    "Does the exporter undo a half-finished move or allocation before it returns?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, boolean>(), {
    resumed: (event, state, _verdict, interrupted) => noteInterruption(event, state, interrupted),
    lock: (event, state, _verdict, interrupted) => noteInterruption(event, state, interrupted),
    "ret waitFences": (event, state, _verdict, interrupted) => noteInterruption(event, state, interrupted),
    "ret waitFence": (event, state, _verdict, interrupted) => noteInterruption(event, state, interrupted),
    "ret map": saysInterrupted,
    "ret mapUnlocked": saysInterrupted,
  }),
  situation: {
    weights: {
      fenceInit: 3,
      lock: 2,
      reserveFences: 4,
      addFence: 8,
      unlock: 3,
      mapUnlocked: 5,
      import: 3,
      attach: 2,
      interrupt: 2,
    },
    importers: ["scripted"],
    exporters: ["subject", "dynamic"],
    interrupts: true,
    tasks: 2,
  },
};

export const map29: Rule = {
  id: "MAP-29",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer of a part of a buffer refuses an empty range and a range not inside the buffer, with arithmetic that cannot wrap (EINVAL; EOVERFLOW where start plus length wraps is accepted too).",
  intent: "A wrapped sum passes the check and gives user space device access beyond the buffer.",
  sources: [
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_with_dma_device", "6.12, 7.2"),
    kernel("drivers/iommu/iommufd/io_pagetable.c", "iopt_map_file_pages", "7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "iopt_alloc_dmabuf_pages", "7.2"),
  ],
  hints: [
    "Is offset plus length computed with an overflow check?",
    "Is the sum compared with the buffer size, or with the size a user claimed?",
    "What does a length of 0 do?",
  ],
  status: untested("no operation imports a part of a buffer: an import names a whole one"),
};

export const rules: readonly Rule[] = [map23, map24, map28, map29];
