import { pageSize, type PairOperation, type PairStep, type StepOf } from "./steps.ts";

/** The tree's exporter and the importer of the module, as the history names them. */
export const exporter = "e1";
export const recorder = "i0";
export const everywhere = 2 ** 52 - 1;

/** Bytes of one address range that these devices take. */
export const longestSegment = 2 ** 32 - pageSize;

/** Requests that the suite has no operation for: they change who sees a buffer, and no buffer. */
const silent: ReadonlySet<PairOperation> = new Set(["plug", "unplug", "domain", "undomain", "quit", "lock", "unlock"]);

/** Whether a step is a call in a history, or several. */
export const isCalled = ({ op }: PairStep) => !silent.has(op);

/** Each fence is alone in its context. */
export const contextOf = (fence: string) => Number(fence.slice(1));

export const resvOfBuffer = (buffer: string) => `${buffer}.resv`;

/** What the steps are in a history's words. */
export class Calls {
  private readonly attachments: ReadonlyMap<string, StepOf<"attach">>;
  /** Calls so far of steps that make several. */
  private readonly made = new Map<string, number>();

  constructor(attachments: ReadonlyMap<string, StepOf<"attach">>) {
    this.attachments = attachments;
  }

  /** The next call of a step; null for what the suite has no operation for. */
  next(step: PairStep): object | null {
    return this.workOf(step) ?? this.argsOf(step);
  }

  /** The next call of a step that makes several. */
  private workOf(step: PairStep): object | null {
    if (step.op !== "work" && step.op !== "finish") return null;
    const { fence } = step;
    const at = this.made.get(step.id) ?? 0;
    this.made.set(step.id, at + 1);
    if (step.op === "finish") return { op: at === 0 ? "signal" : "fencePut", by: "program", fence };
    const resv = resvOfBuffer(step.buffer);
    const init = { fence, context: contextOf(fence), seqno: 1, seqno64: false, hooks: [] };
    return [
      { op: "fenceInit", by: "program", ...init },
      { op: "reserveFences", by: "program", resv, count: 1 },
      { op: "addFence", by: "program", resv, fence, usage: "bookkeep" },
    ][at]!;
  }

  private argsOf(step: PairStep): object | null {
    switch (step.op) {
      case "export": {
        const { buffer, pages } = step;
        // Its attach and detach hooks do nothing, and nobody sees them called.
        const has = { attach: false, detach: false, pin: false, unpin: false, caching: false, cpuHooks: [] };
        return {
          op: "export",
          by: exporter,
          buffer,
          exporter,
          size: pages * pageSize,
          resv: null,
          missing: [],
          ...has,
        };
      }
      case "close":
        return { op: "close", by: "program", fd: `${step.buffer}.fd` };
      case "put":
        return { op: "put", by: "program", buffer: step.buffer };
      case "attach": {
        const { attachment, buffer, ops } = step;
        const limits = { allowPeer2peer: ops !== "static", dmaMask: everywhere, maxSegment: longestSegment };
        return { op: "attach", by: recorder, buffer, device: "d0", importer: recorder, attachment, ops, ...limits };
      }
      case "detach": {
        const { attachment } = step;
        const { buffer } = this.attachments.get(attachment)!;
        return { op: "detach", by: recorder, buffer, attachment, altered: false };
      }
      case "map":
        return {
          op: "mapUnlocked",
          by: recorder,
          attachment: step.attachment,
          direction: "bidirectional",
          mapping: `${step.id}.mapping`,
        };
      case "import": {
        const { importer, buffer, import: name } = step;
        return { op: "import", by: "program", importer, buffer, import: name, direction: "bidirectional" };
      }
      case "release":
        return { op: "release", by: "program", import: step.import };
      case "revoke":
      case "unrevoke":
        return { op: step.op, by: "program", buffer: step.buffer };
      default:
        return null;
    }
  }
}
