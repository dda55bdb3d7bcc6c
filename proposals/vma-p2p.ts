import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { MirrorImporter } from "../reference-impl/importers/mirror-importer.ts";
import type { MirrorState } from "../reference-impl/importers/mirror.ts";
import type { Errno } from "../spec/errno.ts";
import type { Device, DmaBuf } from "../spec/roles/handles.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";

/** An exporter whose `p2p_map` serves those who cannot be told to let go. */
class GenerousExporter extends DefaultExporter {
  override *p2pMap(
    buffer: DmaBuf,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
  ): Generator<Suspension, readonly number[] | Errno, unknown> {
    return yield* super.p2pMap(buffer, device, start, pages, write, true);
  }
}

/** An importer that takes what it is given also where nobody tells it of changes: RDMA without on-demand paging, NVMe. */
class UntoldImporter extends MirrorImporter {
  protected override hasChanged(mirror: MirrorState, sequence: number): boolean {
    return mirror.notifier !== null && super.hasChanged(mirror, sequence);
  }
}

const own = extension({
  name: "vma-p2p",
  state: {
    /** The buffer that a piece of storage was ever behind, by the name of the storage. */
    homes: table({ buffer: field<string>("ghost") }),
  },
  roles: { exporter: (env) => new GenerousExporter(env), importer: (env) => new UntoldImporter(env) },
});

const sources = [thread("002_ce944c847d4ccb7c.txt", "Jason Gunthorpe, January 2019: users without notifiers")];

const contract = extendContract(coreContract, {
  ...own,
  operations: { finishCopy: exporterWork() },
  fold: ({ changes }) =>
    changes({
      epoch({ buffer, storage }, tables) {
        if (storage !== null) tables.homes.set(storage, { buffer });
      },
    }),
  near: {
    export: 1,
    createSpace: 1.5,
    createVma: 2,
    destroyVma: 2,
    mirror: 2,
    mirrorFault: 1,
    touch: 2,
    move: 0.7,
    revoke: 0.3,
    unmirror: 0.5,
    exitSpace: 0.5,
  },
  only: {
    createVma: (of) => of.vmaKind === "peer",
    mirror: (of) => of.form === "none" || of.form === "interval",
  },
  // Importers without a notifier are refused by p2p_map: the rule that this proposal takes away.
  without: ["MMUN-21"],
  sources,
  rules: ({ must, on, own: tables }) => [
    must({
      id: "P2PVMA-01",
      obliged: ["importer", "exporter"],
      statement: "What a device was granted through a VMA leads to where the buffer is now.",
      intent: "After a move the old memory belongs to somebody else.",
      hints: ["Who is told of the move: is there a notifier?"],
      situation: { weights: { move: 4 } },
      monitor: on({
        "ret touch"(event, state, verdict) {
          const name = event.target === null ? undefined : tables(state).homes.get(event.target)?.buffer;
          const storage = name === undefined ? null : (state.buffers.get(name)?.storage ?? null);
          if (event.answer === "fault" || name === undefined || storage === null) return;
          verdict.exercised();
          if (event.target !== storage)
            verdict.violated(
              `${event.by} reaches ${event.target}; ${name} is in ${storage} now`,
              verdict.since("buffers", name, "storage"),
            );
        },
      }),
    }),
    must({
      id: "P2PVMA-02",
      obliged: ["importer", "exporter"],
      statement: "p2p_unmap is called for a VMA that still exists.",
      intent: "Its hooks are the VMA's own: when that is gone, nothing can be given back any more.",
      hints: ["Does the VMA outlive every map of it?"],
      situation: { weights: { destroyVma: 6 } },
      monitor: on({
        "call p2pUnmap"(event, state, verdict) {
          const vma = state.vmas.get(event.vma);
          if (vma === undefined) return;
          verdict.exercised();
          if (!vma.live)
            verdict.violated(
              `${event.by} gives back what it has of ${event.vma} after that is gone`,
              verdict.since("vmas", event.vma, "live"),
            );
        },
      }),
    }),
  ],
});

const proposal: Proposal = {
  name: "vma-p2p",
  about: "Peer access through a VMA's p2p_map (2019), for importers that have no notifier as well.",
  contract,
  thread: [
    {
      seed: "002_ce944c847d4ccb7c.txt",
      who: "Jason Gunthorpe",
      said: "With notifiers the VMA outlives the map; without them the VMA may be destroyed and the driver cannot call the unmap any more.",
    },
  ],
  longest: 7,
  expectations: [
    { rule: "P2PVMA-01", verdict: "violated", source: "Nobody tells an importer without a notifier of a move." },
    { rule: "P2PVMA-02", verdict: "violated", source: "The VMA goes and the map stays." },
    { rule: "MMUN-18", verdict: "violated", source: "The same, as the core says it of grants that may move." },
    { rule: "MMUN-20", verdict: "violated", source: "The same, as the core says it of a VMA's end." },
  ],
};

export default proposal;
