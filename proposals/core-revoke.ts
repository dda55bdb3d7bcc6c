import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { proposal as proposed, thread } from "../contracts/source.ts";
import type { ReferenceAttachment } from "../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../reference-impl/buffers/buffers.ts";
import { ENODEV, type Errno } from "../spec/errno.ts";
import { refer } from "../spec/operations/define.ts";
import type { Direction, DmaBuf, SgTable } from "../spec/roles/handles.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";

/** A core with a revoked state of its own, which nothing takes back. */
class RevokingBuffers extends ReferenceBuffers {
  private readonly revoked = new WeakSet<DmaBuf>();

  *revokeInCore(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    this.revoked.add(buffer);
    yield* this.env.unlock(buffer.resv);
  }

  override *map(
    attachment: ReferenceAttachment | null,
    direction: Direction,
  ): Generator<Suspension, SgTable | Errno, unknown> {
    if (attachment !== null && this.revoked.has(attachment.buffer)) return ENODEV;
    return yield* super.map(attachment, direction);
  }
}

const own = extension({
  name: "core-revoke",
  state: {
    /** Buffers that the core counts as revoked. `back`: their exporter has given access back since. */
    revoked: table({ back: field<boolean>(), storage: field<string | null>("ghost") }),
  },
  roles: { framework: (env) => ({ buffers: new RevokingBuffers(env) }) },
});

const series = "revoke series, first version, January 2026";

const contract = extendContract(coreContract, {
  ...own,
  operations: {
    finishCopy: exporterWork(),
    revokeInCore: own.operation({
      summary: "An exporter has the core mark a buffer as revoked (`dma_buf_mark_revoked`).",
      fields: { buffer: refer("buffer") },
      weight: 5,
      run: (actor, { buffer }) => actor.framework.buffers.revokeInCore(actor.buffer(buffer)),
      print: (of) => `the core marks ${of.buffer} as revoked`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret revokeInCore"({ buffer }, { revoked }, state) {
        revoked.set(buffer, { back: false, storage: state.buffers.get(buffer)?.storage ?? null });
      },
      "ret unrevoke"({ buffer, errno }, { revoked }) {
        const row = revoked.get(buffer);
        if (row !== undefined && errno === 0) row.back = true;
      },
    }),
  near: { export: 1, attach: 1, mapUnlocked: 1, unmapUnlocked: 0.3, access: 2, unrevoke: 2 },
  kinds: { exporters: ["default"], importers: ["scripted"] },
  sources: [proposed(series)],
  rules: ({ must, on, own: tables }) => [
    must({
      id: "CREV-01",
      obliged: ["framework"],
      statement: "What an exporter has given back with an unrevoke can be mapped again.",
      intent: "VFIO revokes for a reset and gives the memory back after it.",
      sources: [thread("004_17b4b08cd00e9df2.txt", "Jason Gunthorpe: VFIO can unrevoke too"), proposed(series)],
      hints: ["Who takes the state of the core back?"],
      monitor: on({
        "ret mapUnlocked"(event, state, verdict) {
          const attachment = event.attachment === null ? undefined : state.attachments.get(event.attachment);
          if (attachment === undefined || tables(state).revoked.get(attachment.buffer)?.back !== true) return;
          if (state.buffers.get(attachment.buffer)?.access !== "accessible") return;
          verdict.exercised();
          if (event.errno === ENODEV)
            verdict.violated(`${attachment.buffer} was given back, and the core still refuses to map it`);
        },
      }),
    }),
    must({
      id: "CREV-02",
      obliged: ["framework", "exporter"],
      statement: "Once the core counts a buffer as revoked, no device reaches its memory by an older mapping.",
      intent: "The exporter powers the device down, or gives it to somebody else.",
      hints: ["Who tells the importers that have it mapped? The callback does, and a state does not."],
      monitor: on({
        access(event, state, verdict) {
          const name = state.attachments.get(event.attachment)?.buffer ?? "";
          const row = tables(state).revoked.get(name);
          if (row === undefined || row.back || event.storage === null || event.storage !== row.storage) return;
          verdict.exercised();
          if (event.answer === "ok")
            verdict.violated(`${event.importer} reaches ${name} although the core counts it as revoked`);
        },
      }),
    }),
  ],
});

const proposal: Proposal = {
  name: "core-revoke",
  about: "A revoked state in the core, set once and for good, that makes every later map fail.",
  contract,
  changesCore: true,
  thread: [
    {
      seed: "PO-29",
      who: "Christian König",
      said: "The callback already is the mechanism: whether a buffer is revoked is the exporter's business.",
    },
    {
      seed: "004_17b4b08cd00e9df2.txt",
      who: "Jason Gunthorpe",
      said: "For VFIO revoke would not be terminal, as it can unrevoke.",
    },
  ],
  expectations: [
    { rule: "CREV-01", verdict: "violated", source: "Nothing takes the state back." },
    { rule: "CREV-02", verdict: "violated", source: "A state stops nobody who has the buffer mapped." },
    {
      rule: "NEG-16",
      verdict: "violated",
      source: "A map that the core's rules call right is refused.",
      mayHide: true,
    },
  ],
};

export default proposal;
