import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { ReferenceNegotiation } from "../reference-impl/negotiation/negotiation.ts";
import { EBUSY, EINVAL, EOPNOTSUPP } from "../spec/errno.ts";
import type { Env } from "../spec/roles/env.ts";
import { modelPromises, type MappingModel, type Stability } from "../spec/roles/mapping-model.ts";
import { accessFrame } from "../spec/state/observe/rows.ts";
import { field, table } from "../spec/state/schema.ts";
import type { State } from "../spec/state/state.ts";

const faults = {
  cascade: { rule: "TYPES-01", about: "Who can live with a level is taken to live with all that are below it." },
  callbackIsConsent: { rule: "TYPES-01", about: "Who follows moves is taken to live with a loss as well." },
  lossIsMove: { rule: "TYPES-02", about: "Who lives with a loss is taken to follow moves as well." },
  topOnly: { rule: "TYPES-03", about: "Only the highest level that an importer names is tried." },
  peersUnasked: { rule: "NEG-17", about: "Peer addresses are agreed on with importers that take none." },
} as const;
type Fault = keyof typeof faults;

const steps: Readonly<Record<Stability, number>> = { L1: 1, L2: 2, L3: 3 };

/** Where a model stands in the cascade: pinned, pinned but revocable, dynamic. */
function stepOf(model: MappingModel): number {
  return steps[modelPromises[model].stability];
}

/** A match of two sets. */
class SetNegotiation extends ReferenceNegotiation {
  private readonly has: Has<Fault>;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  protected override isAcceptable(
    model: MappingModel,
    allowPeer2peer: boolean,
    accept: readonly MappingModel[],
  ): boolean {
    const { stability, peer } = modelPromises[model];
    const highest = Math.max(0, ...accept.map(stepOf));
    if (peer && !allowPeer2peer) return this.has("peersUnasked") && accept.includes(model);
    if (this.has("cascade")) return stepOf(model) <= highest;
    if (this.has("callbackIsConsent") && stability === "L2") return highest >= 2;
    if (this.has("lossIsMove") && stability === "L3") return highest >= 2;
    if (this.has("topOnly") && stepOf(model) < highest) return false;
    return accept.includes(model);
  }
}

const own = extension({
  name: "mapping-types",
  state: {
    /** What the importer of an attachment said that it can live with. */
    accepted: table({ models: field<readonly string[]>() }),
  },
  faults,
  roles: { framework: (env, has) => ({ negotiation: new SetNegotiation(env, has) }) },
});

/** Whether a set has a model of this level. */
function names(models: readonly string[], level: Stability): boolean {
  return models.some((model) => modelPromises[model as MappingModel].stability === level);
}

const seed = "004_17b4b08cd00e9df2.txt";

const contract = extendContract(coreContract, {
  ...own,
  operations: { finishCopy: exporterWork() },
  fold: ({ changes }) =>
    changes({
      "ret negotiate"({ errno, attachment, accept }, { accepted }) {
        if (errno === 0) accepted.set(attachment, { models: accept });
      },
      "call detach"({ attachment }, { accepted }) {
        if (attachment !== null) accepted.delete(attachment);
      },
    }),
  near: {
    export: 1,
    negotiate: 3,
    mapUnlocked: 1,
    unmapUnlocked: 0.5,
    detach: 0.5,
    revoke: 1,
    reset: 0.5,
    move: 1,
    evict: 0.5,
  },
  kinds: { exporters: ["default", "dynamic", "static"], importers: ["scripted"] },
  sources: [thread(seed, "Jason Gunthorpe's cascade of three levels, and the reply to it, January 2025")],
  rules: ({ must, on, remember, own: tables }) => {
    /** What the importers attached to a buffer accept. */
    const attached = (state: State, buffer: string) =>
      [...tables(state).accepted].filter(([name]) => {
        const row = state.attachments.get(name);
        return row?.buffer === buffer && row.phase === "attached";
      });
    return [
      must({
        id: "TYPES-01",
        obliged: ["framework", "exporter"],
        statement: "Memory is taken away only from importers that said they can live with a loss.",
        intent: "An importer that follows moves counts on memory that comes back, and loses its whole context.",
        hints: ["Is being dynamic taken for being revocable?"],
        situation: { weights: { revoke: 4 }, importers: ["scripted"], exporters: ["default"], callbacks: true },
        monitor: on({
          "cb invalidate"(event, state, verdict) {
            const name = state.attachments.get(event.attachment)?.buffer ?? "";
            const buffer = state.buffers.get(name);
            const models = tables(state).accepted.get(event.attachment)?.models;
            if (buffer === undefined || models === undefined) return;
            const change = accessFrame(state.tasks.get(event.task), buffer, name);
            if (change === undefined) return;
            verdict.exercised();
            if (!names(models, "L2"))
              verdict.violated(`${event.attachment} loses ${name}, and accepted only ${models.join(" and ")}`, change);
          },
        }),
      }),
      must({
        id: "TYPES-02",
        obliged: ["framework", "exporter"],
        statement: "Memory moves only under importers that said they can follow it.",
        intent: "The others go on with the old place.",
        hints: ["Is a callback taken for the ability to start again?"],
        situation: { weights: { move: 6 }, importers: ["scripted"], exporters: ["dynamic"] },
        monitor: on({
          epoch(event, state, verdict) {
            if (event.change !== "move") return;
            for (const [attachment, { models }] of attached(state, event.buffer)) {
              verdict.exercised();
              if (!names(models, "L3"))
                verdict.violated(
                  `${event.buffer} moves under ${attachment}, which accepted only ${models.join(" and ")}`,
                );
            }
          },
          "ret move"(event, state, verdict) {
            if (event.errno !== EBUSY) return;
            for (const [, { models }] of attached(state, event.buffer)) if (!names(models, "L3")) verdict.exercised();
          },
        }),
      }),
      must({
        id: "TYPES-03",
        obliged: ["framework"],
        statement: "Two sides that have a level in common are not told that they have nothing in common.",
        intent: "Memory that could be shared is copied instead.",
        hints: ["Is a preference taken for a demand?"],
        situation: { importers: ["scripted"], exporters: ["dynamic", "static"] },
        // How far the negotiation of a task came: the exporter refused it, or it has gone on to the attach.
        monitor: remember(() => new Map<string, "refused" | "agreed">(), {
          "call negotiate": (event, _state, _verdict, came) => void came.delete(event.task),
          "call attach": (event, _state, _verdict, came) => void came.set(event.task, "agreed"),
          "cbret match"({ errno, model, task }, _state, _verdict, came) {
            if (errno !== 0 && (model === "pinned" || errno !== EOPNOTSUPP)) came.set(task, "refused");
          },
          "ret negotiate"(event, _state, verdict, came) {
            const both = event.accept.includes("pinned") && event.offered.includes("pinned");
            if (!both || came.get(event.task) === "refused") return;
            verdict.exercised();
            if (event.errno === EINVAL && came.get(event.task) !== "agreed")
              verdict.violated(`${event.importer} and the exporter of ${event.buffer} both know pinned memory`);
          },
        }),
      }),
    ];
  },
});

const proposals: readonly Proposal[] = [
  {
    name: "mapping-cascade",
    about: "Who attaches says how much it can live with, on a scale: pinned, pinned but revocable, dynamic.",
    contract,
    faults: ["cascade"],
    thread: [{ seed, who: "Jason Gunthorpe", said: "What importers can live with is a cascade of three levels." }],
    expectations: [
      {
        rule: "TYPES-01",
        verdict: "violated",
        source: "A GPU that follows moves is above revocable on the scale, and loses its context with the memory.",
      },
      ...["ATT-26", "NEG-05", "NEG-07", "NEG-14", "NEG-22"].map((rule) => ({
        rule,
        verdict: "violated" as const,
        source: "The core's own rules on sets, which a scale breaks.",
      })),
    ],
  },
  {
    name: "mapping-types",
    about:
      "Who attaches says with a set of models what it can live with, and the exporter's order decides among those.",
    contract,
    thread: [
      {
        seed: "PO-27",
        who: "Simona Vetter",
        said: "Following a move and living with a loss are two things: a set that the importer gives may be better.",
      },
    ],
    expectations: [],
  },
];

export default proposals;
