import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import type { Expectation } from "../drivers/table.ts";
import { objectOf } from "../reference-impl/exporter/buffer-object.ts";
import { DynamicExporter } from "../reference-impl/exporter/dynamic-exporter.ts";
import { DynamicImporter } from "../reference-impl/importers/dynamic-importer.ts";
import { EIO, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import { createOwn, refer, referOwn } from "../spec/operations/define.ts";
import type { Env, PageTable } from "../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, PhysRange, Segment, SgTable, Storage } from "../spec/roles/handles.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";
import { attachHeld, detachHeld } from "./parts/attached.ts";

const faults = {
  importerMaps: { rule: "MAPS-02", about: "The importer maps by page frames, which not all memory has." },
  importerGuesses: { rule: "MAPS-01", about: "As that, and where there is none a number of the device stands for it." },
  deaf: { rule: "MAPS-01", about: "In the place of a pin there is a callback, which does nothing." },
  asksForFrames: {
    rule: "MAPS-02",
    about: "The importer wants page frames before the exporter maps, and has no use for them.",
  },
  oneAddress: { rule: "MAPS-01", about: "The device goes on with the address of the first buffer that it was given." },
  neverUnmapped: { rule: "ATT-17", about: "The map outlives the attachment." },
} as const;
type Fault = keyof typeof faults;

/** Where the part of a device's memory begins, in its own numbers, that no window shows to the CPU. */
const invisible = 2 ** 32;

/** A GPU whose memory only devices see: there is no page frame for it, as the CPU has no address. */
class VramExporter extends DynamicExporter {
  private readonly has: Has<Fault>;
  private readonly places = new Map<Storage, number>();
  private end = invisible;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  /** Lock held. What a CPU has at the buffer's page frames. */
  framesOf(buffer: DmaBuf): PhysRange | Errno {
    const { storage } = objectOf(buffer).backing;
    if (storage.placement === "system") return { storage, offset: 0, length: storage.size };
    if (!this.has("importerGuesses")) return EOPNOTSUPP;
    return this.env.memoryAt(this.placeOf(storage), storage.size) ?? EIO;
  }

  /** In numbers of the device, which are in use for something else where the CPU counts. */
  private placeOf(storage: Storage): number {
    let place = this.places.get(storage);
    if (place === undefined) {
      place = this.end;
      this.places.set(storage, place);
      this.end += storage.size;
    }
    return place;
  }
}

/** A buffer in the address space of an importer's device. */
class Share {
  readonly attachment: Attachment;
  readonly table: PageTable;
  /** What the exporter mapped, or the importer itself. */
  readonly mapped: SgTable | Segment;

  constructor(attachment: Attachment, pages: PageTable, mapped: SgTable | Segment) {
    this.attachment = attachment;
    this.table = pages;
    this.mapped = mapped;
  }
}

class MappingImporter extends DynamicImporter {
  private readonly has: Has<Fault>;
  private first: number | null = null;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  *open(
    buffer: DmaBuf,
    device: Device,
    frames: () => PhysRange | Errno,
  ): Generator<Suspension, Share | Errno, unknown> {
    const { env } = this;
    const ops = { allowPeer2peer: true, ...(this.has("deaf") && { invalidate: () => undefined }) };
    const attachment = yield* attachHeld(env, buffer, device, ops, this);
    if (typeof attachment === "number") return attachment;
    yield* env.lock(buffer.resv);
    const mapped = yield* this.pinAndMap(attachment, frames);
    yield* env.unlock(buffer.resv);
    if (typeof mapped === "number") {
      yield* detachHeld(env, attachment);
      return mapped;
    }
    const share = new Share(attachment, env.createPageTable(), mapped);
    const { address } = "segments" in mapped ? mapped.segments[0]! : mapped;
    this.first ??= address;
    const used = this.has("oneAddress") ? this.first : address;
    env.install(share.table, 0, { via: "address", device, address: used }, true);
    return share;
  }

  use({ table: pages }: Share): void {
    this.env.touchPage(pages, 0, "write");
  }

  *close({ attachment, table: pages, mapped }: Share): Generator<Suspension, void, unknown> {
    const { env } = this;
    env.zap(pages, 0, 1);
    yield* env.lock(attachment.buffer.resv);
    if (!this.has("neverUnmapped")) yield* this.unmapShare(attachment, mapped);
    if (!this.has("deaf")) yield* env.unpin(attachment);
    yield* env.unlock(attachment.buffer.resv);
    yield* detachHeld(env, attachment);
  }

  /** Lock held. */
  private *pinAndMap(
    attachment: Attachment,
    frames: () => PhysRange | Errno,
  ): Generator<Suspension, SgTable | Segment | Errno, unknown> {
    const { env } = this;
    const pinned = !this.has("deaf");
    const errno = pinned ? yield* env.pin(attachment) : 0;
    if (errno !== 0) return errno;
    const own = this.has("importerMaps") || this.has("importerGuesses");
    const range = own || this.has("asksForFrames") ? frames() : 0;
    const mapped = own ? this.mapFrames(attachment, range) : yield* this.mapByExporter(attachment, range);
    if (typeof mapped !== "number") yield* env.waitFences(attachment.buffer.resv, "kernel");
    else if (pinned) yield* env.unpin(attachment);
    return mapped;
  }

  private *mapByExporter(
    attachment: Attachment,
    range: PhysRange | Errno,
  ): Generator<Suspension, SgTable | Errno, unknown> {
    return typeof range === "number" && range !== 0 ? range : yield* this.env.map(attachment, "bidirectional");
  }

  private mapFrames({ device }: Attachment, range: PhysRange | Errno): Segment | Errno {
    return typeof range === "number" ? range : this.env.dmaMapPhys(device, range, "bidirectional", []);
  }

  private *unmapShare(attachment: Attachment, mapped: SgTable | Segment): Generator<Suspension, void, unknown> {
    if ("segments" in mapped) yield* this.env.unmap(attachment, mapped, "bidirectional");
    else this.env.dmaUnmapPhys(attachment.device, mapped, "bidirectional", []);
  }
}

const own = extension({
  name: "importer-maps",
  state: {
    shares: table({ importer: field<string>(), buffer: field<string>() }),
  },
  faults,
  roles: {
    exporter: (env, has) => new VramExporter(env, has),
    importer: (env, has) => new MappingImporter(env, has),
  },
});

const bound = { importer: refer("importer"), share: referOwn("shares") };
const seed = "003_d98da645bc0481a2.txt";

const contract = extendContract(coreContract, {
  ...own,
  operations: {
    finishCopy: exporterWork(),
    openShare: own.operation({
      summary: "A device gets a buffer, mapped and pinned, into its own page table.",
      fields: { importer: refer("importer"), buffer: refer("buffer"), share: createOwn("shares") },
      *run(actor, { importer: by, buffer, share: name }) {
        const importer = actor.importer(by);
        const exporter = actor.exporterOf(buffer);
        if (importer === null || exporter === null) return EOPNOTSUPP;
        const of = actor.buffer(buffer);
        const share = yield* importer.open(of, actor.device(by), () => exporter.framesOf(of));
        if (typeof share === "number") return share;
        actor.keep(name, share);
        return 0;
      },
      print: (of) => `${of.importer} maps ${of.buffer} as ${of.share}`,
    }),
    useShare: own.operation({
      summary: "The device writes to it.",
      fields: bound,
      enabled: ({ shares }, of) => shares.get(of.share)?.importer === of.importer,
      exclusive: (of) => [of.share],
      weight: 25,
      run: (actor, of) => actor.importer(of.importer)?.use(actor.kept(of.share, Share)),
      print: (of) => `the device of ${of.importer} writes to ${of.share}`,
    }),
    closeShare: own.operation({
      summary: "The device gives it back.",
      fields: bound,
      enabled: ({ shares }, of) => shares.get(of.share)?.importer === of.importer,
      exclusive: (of) => [of.share],
      weight: 3,
      run: (actor, of) => actor.importer(of.importer)?.close(actor.kept(of.share, Share)),
      print: (of) => `unmap ${of.share}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret openShare"({ errno, importer, buffer, share }, { shares }) {
        if (errno === 0) shares.set(share, { importer, buffer });
      },
      "call closeShare"({ share }, { shares }) {
        shares.delete(share);
      },
    }),
  giveBack: ({ shares }) =>
    [...shares].map(([share, { importer }]) => ({ op: "closeShare", args: { importer, share } })),
  near: { export: 1, move: 1.5, evict: 1 },
  sources: [thread(seed, "Christian König and Jason Gunthorpe, January 2025: who maps")],
  rules: ({ must, remember, own: tables }) => [
    must({
      id: "MAPS-01",
      obliged: ["importer", "exporter"],
      statement: "The address that a device has for a buffer leads to the memory of that buffer.",
      intent: "Its device writes into memory of somebody who knows nothing of it.",
      hints: ["In whose numbers is the place told that was mapped?"],
      situation: { weights: { export: 3, move: 2 }, platform: ["tree", "direct"], buffers: 2 },
      monitor: remember(() => new Map<string, string | null>(), {
        "ret touch": ({ task, target }, _state, _verdict, reached) => void reached.set(task, target),
        "ret useShare"({ task, share, importer }, state, verdict, reached) {
          const target = reached.get(task) ?? null;
          reached.delete(task);
          const name = tables(state).shares.get(share)?.buffer ?? "";
          const storage = state.buffers.get(name)?.storage ?? null;
          // A slot that it is bounced through stands for the memory.
          if (target === null || storage === null || state.resources.get(target)?.what === "bounce slot") return;
          verdict.exercised();
          if (target !== storage)
            verdict.violated(`${importer} writes to ${target} for ${name}, which is in ${storage}`);
        },
      }),
    }),
    must({
      id: "MAPS-02",
      obliged: ["importer", "exporter"],
      statement: "Memory of a device that is pinned for another can be mapped for that one.",
      intent: "Memory that only devices see is shared between devices today, by addresses.",
      hints: ["Does the map ask for anything that the CPU would need?"],
      situation: { weights: { export: 3 }, platform: ["tree", "direct"] },
      monitor: remember(() => new Set<string>(), {
        "call openShare": (event, _state, _verdict, pinned) => void pinned.delete(event.task),
        "ret pin"(event, state, _verdict, pinned) {
          const { buffer } = state.attachments.get(event.attachment) ?? { buffer: "" };
          const { placement } = state.resources.get(state.buffers.get(buffer)?.storage ?? "") ?? { placement: null };
          if (event.errno === 0 && placement === "device") pinned.add(event.task);
        },
        "cbret map"(event, _state, _verdict, pinned) {
          if (event.injected) pinned.delete(event.task);
        },
        "ret openShare"({ task, errno, importer, buffer }, _state, verdict, pinned) {
          if (!pinned.has(task)) return;
          verdict.exercised();
          if (errno === EOPNOTSUPP) verdict.violated(`${importer} gets no map of ${buffer}, which is pinned for it`);
        },
      }),
    }),
  ],
});

const asPrivate: Expectation = {
  rule: "DMAMAP-22",
  verdict: "violated",
  source: "A page frame does not say that a guest shares it with its host, which its exporter knows.",
  mayHide: true,
};

const proposals: readonly Proposal[] = [
  {
    name: "exporter-maps",
    about: "The exporter gives out DMA addresses, also of memory that the CPU does not see.",
    contract,
    thread: [
      {
        seed,
        who: "Christian König",
        said: "Only the exporter knows how its buffer is reached: it may be MMIO, or lie behind windows, with neither page nor page frame.",
      },
    ],
    expectations: [],
  },
  {
    name: "importer-maps",
    about: "The exporter gives out page frames, which the importer maps itself; memory that has none is refused.",
    contract,
    faults: ["importerMaps"],
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "To map in the importer is the right use of the DMA API, and maps by the exporter are why peer-to-peer works badly.",
      },
      {
        seed,
        who: "Christian König",
        said: "A page frame number is limited to what the CPU sees; there are users with data that only the devices see.",
      },
    ],
    expectations: [{ rule: "MAPS-02", verdict: "violated", source: "Memory of the GPU has no page frame." }, asPrivate],
  },
  {
    name: "importer-maps-guessed",
    about: "The same, with numbers of the device where there is no page frame.",
    contract,
    faults: ["importerGuesses"],
    thread: [
      {
        seed,
        who: "Christian König",
        said: "Where there are only windows to look through no page frame can be made up.",
      },
    ],
    expectations: [
      { rule: "MAPS-01", verdict: "violated", source: "The number is in use for memory of somebody else." },
      asPrivate,
    ],
  },
];

export default proposals;
