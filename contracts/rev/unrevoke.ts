import { ENODEV } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { concerns, givesBack, type AccessOperation } from "../../spec/state/observe/rows.ts";
import type { State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { attachmentsOf } from "../shared/lookup.ts";
import { derived, kernel, run } from "../source.ts";
import {
  type AccessCall,
  atCall,
  atReturn,
  changeUnderWay,
  cycling,
  isLive,
  memoryIsOn,
  returnAnnounced,
  revokeBegun,
} from "./access-change.ts";

/** Messages that attachments got inside one operation that gives access back. */
class Messages {
  /** Attachments that have to be told, with how often. */
  readonly due = new Map<string, number>();
  readonly told = new Map<string, number>();

  constructor(state: State, event: AccessCall) {
    for (const [name, buffer] of state.buffers) {
      if (!concerns(event, buffer, name) || !isLive(buffer) || buffer.contested) continue;
      const times = event.op === "reset" && buffer.access === "accessible" ? 2 : 1;
      if (times === 1 && buffer.access !== "revoked") continue;
      for (const [attachment, row] of attachmentsOf(state, name))
        if (row.listed && row.ops === "callback") this.due.set(attachment, times);
    }
  }
}

/** Buffers that were revoked and given back. */
class Reopened {
  /** The last revoke of a buffer. */
  readonly messages = new Map<string, CallEvent<"invalidate">>();
  /** The unrevoke that was the last operation to change a buffer's access. */
  readonly returns = new Map<string, RetEvent<AccessOperation>>();
  /** The last successful map through an attachment. */
  readonly mapped = new Map<string, number>();
}

export const rev18: Rule = {
  id: "REV-18",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An unrevoke is made only while the memory can be reached: memory decode is on, the device is in D0, no reset is under way and no low power state is requested.",
  intent: "A map granted earlier leads devices to addresses that do not answer.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "callers of vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/vfio/pci/vfio_pci_config.c", "callers of vfio_pci_dma_buf_move", "7.2"),
    derived("the low power test of the CPU fault path, vfio_pci_vmf_insert_pfn"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  hints: [
    "Does the caller test memory decode and the power state after the operation, or only its own success?",
    "Can a config space write unrevoke while runtime low power is still requested?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, string>(), {
    "call unrevoke"(event, state, verdict, dark) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer?.access === "revoked" && !buffer.contested && !memoryIsOn(state, buffer.exporter))
        dark.set(event.seq, buffer.exporter);
    },
    "call invalidate"(event, state, verdict) {
      const operation = returnAnnounced(state, event);
      const buffer = state.buffers.get(event.buffer);
      if (operation === undefined || buffer === undefined) return;
      verdict.exercised();
      if (!memoryIsOn(state, buffer.exporter))
        verdict.violated(
          `${operation.op} gives ${event.buffer} back while the memory of ${buffer.exporter} is off`,
          verdict.since("exporters", buffer.exporter, "memory"),
          operation,
        );
    },
    // Whoever found it on has not broken his word when it goes off again before he returns.
    device(event, _state, _verdict, dark) {
      for (const [call, exporter] of dark)
        if (event.change === "memoryOn" && event.exporter === exporter) dark.delete(call);
    },
    "ret unrevoke"(event, state, verdict, dark) {
      const exporter = state.buffers.get(event.buffer)?.exporter ?? "";
      if (!dark.delete(event.call) || memoryIsOn(state, exporter)) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `unrevoke of ${event.buffer} claims success while the memory of ${exporter} is off`,
          verdict.since("exporters", exporter, "memory"),
        );
    },
  }),
};

export const rev19: Rule = {
  id: "REV-19",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Unrevoking a revoked buffer calls the invalidate callback of every attachment that has one, once.",
  intent: "An importer that remembers the failed map has no other sign that a retry makes sense.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  hints: ["Is the invalidate issued for both directions of the state change?"],
  status: checked,
  monitor: remember(() => new Map<number, Messages>(), {
    ...atCall((event, state, _verdict, under: Map<number, Messages>) => {
      if (givesBack(event)) under.set(event.seq, new Messages(state, event));
    }),
    "cb invalidate"(event, state, _verdict, under) {
      const operation = changeUnderWay(state, event.task, state.attachments.get(event.attachment)?.buffer ?? "");
      const told = operation === undefined ? undefined : under.get(operation.seq)?.told;
      told?.set(event.attachment, (told.get(event.attachment) ?? 0) + 1);
    },
    ...atReturn((event, state, verdict, under: Map<number, Messages>) => {
      const messages = under.get(event.call);
      under.delete(event.call);
      if (messages === undefined || event.errno !== 0) return;
      for (const [attachment, times] of messages.due) {
        const row = state.attachments.get(attachment);
        const buffer = state.buffers.get(row?.buffer ?? "");
        if (row === undefined || buffer === undefined || !row.listed || !isLive(buffer) || buffer.contested) continue;
        if (buffer.access === "revokedForever" || !memoryIsOn(state, buffer.exporter)) continue;
        const told = messages.told.get(attachment) ?? 0;
        verdict.exercised();
        if (told !== times)
          verdict.violated(
            `${attachment} was told ${told} times in a ${event.op} of ${row.buffer} that ends with access given back; ${times} is right`,
            verdict.since("attachments", attachment, "invalidations"),
          );
      }
    }),
  }),
};

export const rev20: Rule = {
  id: "REV-20",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "After an unrevoke has returned map works again under the same size and rules, and importers use only tables from new maps, whose addresses may differ.",
  intent: "A table kept from before the revoke may point to where the memory used to be.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map", "6.19, 7.2"),
    derived("the end of a mapping at its unmap (MAP-16)"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke", "importerCallback"],
  hints: [
    "Does the importer keep the old table and reprogram it instead of mapping again?",
    "Is the revoked flag really cleared on every path of unrevoke?",
  ],
  status: checked,
  situation: {
    weights: { import: 8, submit: 20, complete: 6, mapUnlocked: 4, revoke: 12, unrevoke: 25, release: 0.3 },
    importers: ["subject", "subject", "scripted"],
    exporters: ["subject"],
  },
  monitor: remember(() => new Reopened(), {
    "call invalidate"(event, state, _verdict, { messages }) {
      if (revokeBegun(state, event) !== undefined) messages.set(event.buffer, event);
    },
    ...atCall((event, state, _verdict, { returns }: Reopened) => {
      for (const [name, buffer] of state.buffers) if (concerns(event, buffer, name)) returns.delete(name);
    }),
    "ret unrevoke"(event, state, _verdict, { returns }) {
      if (event.errno === 0 && state.buffers.get(event.buffer)?.contested === false) returns.set(event.buffer, event);
    },
    "cbret map"(event, state, verdict, { returns, mapped }) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      if (event.errno === 0) mapped.set(event.attachment, event.seq);
      const returned = returns.get(buffer);
      const row = state.buffers.get(buffer);
      if (returned === undefined || row?.access !== "accessible" || event.injected || event.cb < returned.seq) return;
      verdict.exercised();
      if (event.errno === ENODEV) verdict.violated(`${buffer} was unrevoked, and map still refuses it`, returned);
    },
    "ret submit"(event, state, verdict, { messages, returns, mapped }) {
      for (const use of event.uses) {
        const { attachment, buffer = "" } = state.imports.get(use.import) ?? {};
        const message = messages.get(buffer);
        if (event.errno !== 0 || message === undefined || message.seq > event.call || !returns.has(buffer)) continue;
        if (attachment === undefined || attachment === null || state.attachments.get(attachment)?.ops !== "callback")
          continue;
        verdict.exercised();
        if ((mapped.get(attachment) ?? 0) < message.seq)
          verdict.violated(`a job of ${event.importer} uses the mapping of ${buffer} from before its revoke`, message);
      }
    },
  }),
};

export const rev21: Rule = {
  id: "REV-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An importer that maps at its first chance after the notification of an unrevoke succeeds: the flag is cleared before the notification or in the same lock hold.",
  intent:
    "The retry fails with -ENODEV, no further notification comes, and the importer stays without memory for ever.",
  sources: [
    derived("REV-19 and the retry duty of REV-24"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move (one hold in 6.19, two in 7.2)", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  temporal: ["T-07"],
  hints: [
    "Is the reservation lock released between the invalidate and the clearing of the flag?",
    "Is the flag cleared before the invalidate when it goes back to accessible?",
  ],
  status: checked,
  situation: {
    weights: {
      import: 8,
      submit: 40,
      complete: 40,
      revoke: 20,
      unrevoke: 40,
      export: 0.3,
      exportFd: 0.1,
      attach: 0.3,
      setMemory: 0.2,
      reset: 0.1,
      release: 0.05,
      put: 0.05,
      close: 0.05,
      closeDevice: 0.02,
      revokeForever: 0.02,
      lock: 0.02,
      lockInterruptible: 0.02,
      lockSlow: 0.02,
      lockSlowInterruptible: 0.02,
      trylock: 0.02,
      beginSignalling: 0.02,
    },
    importers: ["subject", "dynamic"],
    exporters: ["subject"],
    sizes: [4096],
    tasks: 2,
    pauses: 0.1,
  },
  monitor: remember(
    () => new Map<string, { readonly message: RetEvent<"invalidate">; readonly operation: AccessCall }>(),
    {
      "ret invalidate"(event, state, _verdict, announced) {
        const operation = returnAnnounced(state, event);
        if (operation !== undefined) announced.set(event.buffer, { message: event, operation });
      },
      "call invalidate"(event, state, _verdict, announced) {
        if (returnAnnounced(state, event) === undefined) announced.delete(event.buffer);
      },
      "cbret map"(event, state, verdict, announced) {
        const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
        const row = state.buffers.get(buffer);
        const back = announced.get(buffer);
        if (back === undefined || row === undefined || row.contested || event.injected || event.cb < back.message.seq)
          return;
        verdict.exercised();
        if (event.errno === ENODEV)
          verdict.violated(
            `${buffer} was mapped at the first chance after the message of its ${back.operation.op}, and refused`,
            back.message,
          );
      },
      ...atReturn((event, _state, _verdict, announced: Map<string, { readonly operation: AccessCall }>) => {
        for (const [buffer, { operation }] of announced) if (operation.seq === event.call) announced.delete(buffer);
      }),
    },
  ),
};

export const rev22: Rule = {
  id: "REV-22",
  level: "MUST",
  obliged: ["exporter"],
  statement: "An unrevoke does not wait for unmaps; it may wait for fences up to BOOKKEEP.",
  intent: "While revoked there is no mapping whose unmap could end such a wait.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2")],
  from: "K7.1",
  needs: ["revoke", "unrevoke"],
  hints: ["Is the wait for the mapping count limited to the revoke direction?"],
  status: checked,
  situation: {
    weights: cycling,
    importers: ["scripted"],
    exporters: ["subject"],
    tasks: 3,
  },
  monitor: remember(() => new Set<number>(), {
    ...atCall((event, state, _verdict, under: Set<number>) => {
      if (event.op !== "unrevoke" && !(event.op === "setMemory" && event.on)) return;
      for (const [name, buffer] of state.buffers)
        if (concerns(event, buffer, name) && buffer.access === "revoked" && !buffer.contested) under.add(event.seq);
    }),
    blocked(event, state, verdict, under) {
      if (event.wait.kind !== "unmapped") return;
      const operation = changeUnderWay(state, event.task, event.wait.buffer);
      if (operation === undefined || !under.has(operation.seq)) return;
      verdict.exercised();
      verdict.violated(`${operation.op} waits for the unmaps of ${event.wait.buffer}`, operation);
    },
    ...atReturn((event, _state, verdict, under: Set<number>) => {
      if (under.delete(event.call)) verdict.exercised();
    }),
  }),
};

export const rev23: Rule = {
  id: "REV-23",
  level: "MUST",
  obliged: ["exporter"],
  statement: "With synchronous revoke, unrevoking a buffer that is not revoked calls nobody and changes nothing.",
  intent: "Importers would drop good mappings each time a driver confirms that the memory is enabled.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2"),
    run(["7.2.13"], "the iommufd test exporter notifies again"),
  ],
  from: "K7.1",
  needs: ["revoke", "unrevoke"],
  temporal: ["T-33"],
  hints: ["Is the present state compared with the wanted one before the invalidate?"],
  status: checked,
  monitor: remember(() => new Map<number, ReadonlySet<string>>(), {
    ...atCall((event, state, _verdict, under: Map<number, ReadonlySet<string>>) => {
      if (event.op !== "unrevoke" && !(event.op === "setMemory" && event.on)) return;
      const open = [...state.buffers].filter(
        ([name, row]) => concerns(event, row, name) && row.access === "accessible" && !row.contested,
      );
      if (open.length > 0) under.set(event.seq, new Set(open.map(([name]) => name)));
    }),
    "call invalidate"(event, state, verdict, under) {
      const operation = changeUnderWay(state, event.task, event.buffer);
      if (operation === undefined || state.buffers.get(event.buffer)?.contested === true) return;
      if (under.get(operation.seq)?.has(event.buffer) === true)
        verdict.violated(
          `${event.buffer} was not revoked, and ${operation.op} tells its importers to drop their mappings`,
          operation,
        );
    },
    ...atReturn((event, _state, verdict, under: Map<number, ReadonlySet<string>>) => {
      if (under.delete(event.call)) verdict.exercised();
    }),
  }),
};

export const rules: readonly Rule[] = [rev18, rev19, rev20, rev21, rev22, rev23];
