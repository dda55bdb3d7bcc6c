import type { Rule } from "../rule.ts";
import { EINVAL, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import type { CallEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { modelPromises, type MappingModel } from "../../spec/roles/mapping-model.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { derived, proposal, thread } from "../source.ts";
import { isChangingHands, slotOfTable } from "../fault/lookup.ts";
import { negotiating } from "./situations.ts";

/** What the exporter answered about its models, by task. */
class Asked {
  /** Tasks whose negotiation came to the attach. */
  readonly attaching = new Set<string>();
  private readonly answers = new Map<string, Map<string, number>>();

  note(event: CbRetEvent<"match">): void {
    const known = this.answers.get(event.task) ?? new Map<string, number>();
    this.answers.set(event.task, known.set(event.model, event.errno));
  }

  take(task: string): ReadonlyMap<string, number> {
    const found = this.answers.get(task) ?? new Map<string, number>();
    this.answers.delete(task);
    return found;
  }
}

const collect = {
  "call negotiate"(event: CallEvent<"negotiate">, _state: State, _verdict: Verdict, asked: Asked) {
    asked.attaching.delete(event.task);
  },
  "call attach"(event: CallEvent<"attach">, _state: State, _verdict: Verdict, asked: Asked) {
    asked.attaching.add(event.task);
  },
  "cbret match"(event: CbRetEvent<"match">, _state: State, _verdict: Verdict, asked: Asked) {
    asked.note(event);
  },
} as const;

/** The exporter's models that the importer can live with, in the exporter's order. */
function suiting({ offered, accept, allowPeer2peer }: RetEvent<"negotiate">): readonly string[] {
  return offered.filter(
    (model) => accept.includes(model) && (allowPeer2peer || !modelPromises[model as MappingModel].peer),
  );
}

function judgeType(event: RetEvent<"map"> | RetEvent<"mapUnlocked">, state: State, verdict: Verdict): void {
  const model = state.agreements.get(event.attachment ?? "")?.model;
  if (model === undefined || modelPromises[model].type !== "physical") return;
  verdict.exercised();
  if (event.errno !== EINVAL)
    verdict.violated(
      `${event.attachment ?? ""} agreed on a physical list, and a map is answered with ${errnoName(event.errno)}`,
    );
}

function judgeHeld(
  event: { readonly task: string; readonly by: string; readonly buffer: string; readonly op: string },
  state: State,
  verdict: Verdict,
): void {
  verdict.exercised();
  if (!holds(state, event.task, state.buffers.get(event.buffer)?.resv ?? ""))
    verdict.violated(`${event.by} calls ${event.op} without the lock of ${event.buffer}`);
}

export const neg07: Rule = {
  id: "NEG-07",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "If several levels suit both sides, the exporter takes the one it likes best among those the importer accepts, and with none in common it fails.",
  intent: "A level outside the importer's set is one that its code has never run with.",
  sources: [
    proposal("2026 RFC, mapping type negotiation: the exporter's order decides"),
    thread("004", "RDMA asks for pinned or dynamic; GPUs offer pinned for speed"),
  ],
  needs: ["negotiation"],
  hints: ["Is the exporter's favourite checked against the importer's set?"],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"] },
  monitor: on({
    "ret negotiate"(event, _state, verdict) {
      verdict.exercised();
      if (event.errno !== 0 || event.model === null) return;
      if (!event.accept.includes(event.model) || !event.offered.includes(event.model))
        verdict.violated(
          `${event.model} is agreed on, which ${event.accept.includes(event.model) ? "nobody offers" : `${event.importer} does not accept`}`,
        );
    },
  }),
};

export const neg14: Rule = {
  id: "NEG-14",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The match goes through the exporter's types in order and takes the first that fits any of the importer's; without one it fails with EINVAL.",
  intent: "With another order the two sides end on a type that the exporter offers only in need.",
  sources: [proposal("2026 RFC, mapping type negotiation: dma_buf_match_mapping")],
  needs: ["negotiation"],
  hints: ["Which of the two lists is the outer loop?"],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"] },
  monitor: remember(() => new Asked(), {
    ...collect,
    "ret negotiate"(event, _state, verdict, asked) {
      const answers = asked.take(event.task);
      const ended = [...answers.values()].some((errno) => errno !== 0 && errno !== EOPNOTSUPP);
      if (ended) return;
      verdict.exercised();
      const right = suiting(event).find((model) => (answers.get(model) ?? 0) === 0);
      if (right === undefined) {
        if (event.errno !== EINVAL && !asked.attaching.has(event.task))
          verdict.violated(`nothing suits both sides, and the answer is ${errnoName(event.errno)}`);
      } else if (event.errno === 0 && event.model !== right)
        verdict.violated(
          `${event.model ?? "nothing"} is agreed on, though the exporter prefers ${right}, which suits both`,
        );
      else if (event.errno === EINVAL && !asked.attaching.has(event.task))
        verdict.violated(`${right} suits both sides, and the negotiation fails`);
    },
  }),
};

export const neg15: Rule = {
  id: "NEG-15",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A type's match function picks the type with 0, passes it over with EOPNOTSUPP, and ends the negotiation with any other error, which reaches the caller.",
  intent: "Out of memory taken for a mismatch would quietly settle on a worse type.",
  sources: [proposal("2026 RFC, mapping type negotiation: result of match")],
  needs: ["negotiation"],
  hints: ["Does the loop go on after every error?"],
  status: checked,
  situation: {
    weights: negotiating,
    importers: ["scripted"],
    failures: [
      { site: "hook:match", errno: 12 },
      { site: "hook:match", errno: 95 },
    ],
  },
  monitor: remember(() => new Map<string, CbRetEvent<"match">>(), {
    "call negotiate"(event, _state, _verdict, ended) {
      ended.delete(event.task);
    },
    "cbret match"(event, _state, verdict, ended) {
      const before = ended.get(event.task);
      if (before !== undefined)
        verdict.violated(
          `${event.model} is asked for after ${before.model} was answered with ${errnoName(before.errno)}`,
          before,
        );
      if (event.errno !== 0 && event.errno !== EOPNOTSUPP) ended.set(event.task, event);
    },
    "ret negotiate"(event, _state, verdict, ended) {
      const error = ended.get(event.task);
      ended.delete(event.task);
      if (error === undefined) return;
      verdict.exercised();
      if (event.errno !== error.errno)
        verdict.violated(
          `the exporter answers ${errnoName(error.errno)}, and ${event.importer} is told ${errnoName(event.errno)}`,
          error,
        );
    },
  }),
};

export const neg16: Rule = {
  id: "NEG-16",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "After the match only map and unmap of the type stored in the attachment are used; others fail with EINVAL.",
  intent: "The result of one type read as another is a wild pointer.",
  sources: [proposal("2026 RFC, mapping type negotiation: type of an attachment")],
  needs: ["negotiation"],
  hints: ["Does the driver assume the scatterlist type after attach?"],
  status: checked,
  situation: { weights: { ...negotiating, mapPhysical: 16, mapUnlocked: 12 }, importers: ["scripted"] },
  monitor: on({
    "ret map": judgeType,
    "ret mapUnlocked": judgeType,
    "ret mapPhysical"(event, state, verdict) {
      const model = state.agreements.get(event.attachment)?.model;
      if (model === undefined || modelPromises[model].type === "physical") return;
      verdict.exercised();
      if (event.errno === 0) verdict.violated(`${event.attachment} agreed on ${model} and is given a physical list`);
    },
  }),
};

export const neg17: Rule = {
  id: "NEG-17",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A type that carries peer addresses fits only an importer that accepts them and, if the exporter demands it, only on a topology that allows them.",
  intent: "The refusal comes while other types can still be tried, not at the first map.",
  sources: [proposal("2026 RFC, mapping type negotiation: scatterlist type")],
  needs: ["negotiation"],
  hints: ["Is a failed topology test passed over like a mismatch?"],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"] },
  monitor: on({
    "ret negotiate"(event, _state, verdict) {
      const peers = event.accept.some((model) => modelPromises[model as MappingModel].peer);
      if (!peers || event.allowPeer2peer) return;
      verdict.exercised();
      if (event.errno === 0 && event.model !== null && modelPromises[event.model as MappingModel].peer)
        verdict.violated(`${event.importer} accepts no peer addresses and is attached as ${event.model}`);
    },
  }),
};

export const neg18: Rule = {
  id: "NEG-18",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "Map and unmap of a physical address list hold the lock, serve entitled importers and MMIO only, and after the unmap nobody touches an address of the list.",
  intent: "Raw physical addresses pass by every IOMMU check that would catch a late access.",
  sources: [proposal("2026 RFC, mapping type negotiation: physical address list type")],
  needs: ["negotiation", "pfn"],
  hints: ["Who decides which importers may have the list?", "Are the addresses copied into a longer-lived table?"],
  status: checked,
  situation: {
    weights: { ...negotiating, mapPhysical: 25, unmapPhysical: 20 },
    importers: ["scripted", "guest"],
    exporters: ["subject"],
  },
  monitor: on({
    "call mapPhysical": judgeHeld,
    "call unmapPhysical": judgeHeld,
    "ret mapPhysical"(event, state, verdict) {
      if (event.errno !== 0) return;
      verdict.exercised();
      const entitled = state.agreements.get(event.attachment)?.model === "physical";
      const placement = state.resources.get(event.storage ?? "")?.placement;
      if (!entitled) verdict.violated(`${event.attachment} is given a physical list that was never agreed on`);
      else if (placement !== "device") verdict.violated(`a physical list of ${event.buffer} shows ordinary memory`);
    },
    "ret touch"(event, state, verdict) {
      const slot = slotOfTable(state, event.table);
      const entry = state.entries.get(`${event.table}:${event.page}`);
      if (entry?.via !== "physical" || slot === undefined) return;
      verdict.exercised();
      if (!state.physicalLists.has(slot.attachment ?? ""))
        verdict.violated(
          `${slot.importer} reaches ${slot.buffer} through a list that it gave back`,
          verdict.since("entries", `${event.table}:${event.page}`, "target"),
        );
    },
  }),
};

export const neg19: Rule = {
  id: "NEG-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Peer or not, CPU-mappable or not and the other attributes travel in the description of the memory and mean what they mean in the DMA API.",
  intent: "An importer that guesses them from the address picks the wrong caching or route.",
  sources: [thread("004", "pfns annotated with whatever matches the DMA API")],
  needs: ["negotiation", "pfn"],
  hints: ["Do the marks follow the memory when the buffer moves?"],
  status: checked,
  situation: { weights: { ...negotiating, mapPhysical: 25 }, importers: ["scripted", "guest"], exporters: ["subject"] },
  monitor: on({
    "ret mapPhysical"(event, state, verdict) {
      const placement = state.resources.get(event.storage ?? "")?.placement;
      if (event.errno !== 0 || placement === undefined || isChangingHands(state, event.buffer)) return;
      verdict.exercised();
      if (event.mmio !== (placement === "device"))
        verdict.violated(`the list of ${event.buffer} calls ${placement ?? ""} memory ${event.mmio ? "" : "no "}MMIO`);
      else if (event.owner !== (state.rights.get(event.buffer)?.owner ?? null))
        verdict.violated(`the list of ${event.buffer} does not say whose memory it is`);
    },
  }),
};

export const neg20: Rule = {
  id: "NEG-20",
  level: "MUST",
  obliged: ["framework"],
  statement: "A failed negotiation leaves the buffer as it was: without a new attachment, pin, mapping or callback.",
  intent: "A leftover entry gets callbacks for an importer that has already freed its state.",
  sources: [derived("ATT-04")],
  needs: ["negotiation"],
  hints: ["Is the attachment put on the list before the last step that can fail?"],
  status: checked,
  situation: {
    weights: negotiating,
    importers: ["scripted"],
    failures: [
      { site: "hook:match", errno: 12 },
      { site: "hook:attach", errno: 16 },
    ],
  },
  monitor: remember(() => new Map<string, Set<string>>(), {
    "call negotiate"(event, _state, _verdict, listed) {
      listed.set(event.task, new Set());
    },
    list(event, _state, _verdict, listed) {
      if (event.listed) listed.get(event.task)?.add(event.attachment);
      else listed.get(event.task)?.delete(event.attachment);
    },
    "ret negotiate"(event, state, verdict, listed) {
      const left = listed.get(event.task) ?? new Set();
      listed.delete(event.task);
      if (event.errno === 0) return;
      verdict.exercised();
      const row = state.attachments.get(event.attachment);
      if (
        left.size > 0 ||
        row?.phase === "attached" ||
        (row?.hooked === true && state.buffers.get(event.buffer)?.hasDetach === true)
      )
        verdict.violated(
          `the negotiation failed, and ${[...left][0] ?? event.attachment} is attached to ${event.buffer}`,
        );
    },
  }),
};

export const rules: readonly Rule[] = [neg07, neg14, neg15, neg16, neg17, neg18, neg19, neg20];
