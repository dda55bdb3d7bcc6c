import { coreContract } from "../conformance/contract/contract.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { EINVAL, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import { createOwn, integer, refer, referOwn } from "../spec/operations/define.ts";
import type { DmaAttributes } from "../spec/roles/dma.ts";
import type { Env } from "../spec/roles/env.ts";
import { pageSize, type Device, type Segment, type Storage } from "../spec/roles/handles.ts";
import { field, table } from "../spec/state/schema.ts";
import type { State } from "../spec/state/state.ts";

const faults = {
  cacheable: { rule: "MMIO-01", about: "The BAR is mapped as memory: without the attribute for MMIO." },
  asMemoryThen: { rule: "MMIO-02", about: "Where the map of MMIO is refused, it is tried again as one of memory." },
  unmapAsMemory: { rule: "DMAMAP-17", about: "The map is taken back with other attributes than it was made with." },
  neverUnmapped: { rule: "DMAMAP-01", about: "The map is never taken back." },
  noStateCheck: { rule: "MMIO-03", about: "Nobody compares the confidential states of the two devices." },
} as const;
type Fault = keyof typeof faults;

type Memory = State["resources"] extends Map<string, infer R> ? R : never;

/** Pages of the BAR. */
const barPages = 16;

/** A live map of a part of the BAR. */
class BarMap {
  readonly device: Device;
  readonly segment: Segment;
  readonly attributes: DmaAttributes;

  constructor(device: Device, segment: Segment, attributes: DmaAttributes) {
    this.device = device;
    this.segment = segment;
    this.attributes = attributes;
  }
}

/** The exporter of `vfio/pci: Add dma-buf export support for MMIO regions`: it maps its BAR for the importer's device. */
class BarExporter extends DefaultExporter {
  private readonly has: Has<Fault>;
  private bar: Storage | null = null;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  mapBar(own: Device, client: Device, first: number, pages: number): BarMap | Errno {
    // A device in one state has no way to one in another: no map can help.
    if (client.traits.cc !== own.traits.cc && !this.has("noStateCheck")) return EINVAL;
    const storage = this.bar ?? this.env.allocateStorage(barPages * pageSize, "device");
    if (typeof storage === "number") return storage;
    this.bar = storage;
    const range = { storage, offset: first * pageSize, length: pages * pageSize };
    const wanted: readonly DmaAttributes[] = [this.has("cacheable") ? [] : ["mmio"]];
    let errno: Errno = EINVAL;
    for (const attributes of this.has("asMemoryThen") ? [...wanted, []] : wanted) {
      const segment = this.env.dmaMapPhys(client, range, "bidirectional", attributes);
      if (typeof segment !== "number") return new BarMap(client, segment, attributes);
      errno = segment;
    }
    return errno;
  }

  unmapBar({ device, segment, attributes }: BarMap): void {
    if (this.has("neverUnmapped")) return;
    this.env.dmaUnmapPhys(device, segment, "bidirectional", this.has("unmapAsMemory") ? [] : attributes);
  }
}

const bars = extension({
  name: "mmio-phys",
  state: {
    bars: table({ exporter: field<string>() }),
  },
  faults,
  roles: { exporter: (env, has) => new BarExporter(env, has) },
});

const sources = [thread("001_80707ca2f87464e4.txt", "Robin Murphy and Jason Gunthorpe, July 2025")];
/** Whether memory is the BAR of an exporter's device. */
function isBar({ platform: { exporters } }: State, memory: Memory | undefined): boolean {
  return memory?.placement === "device" && Object.hasOwn(exporters, memory.by);
}

/** Platforms on which the questions of the thread come up. */
const platform = ["iommu", "bounce", "cc", "tree"] as const;

const contract = extendContract(coreContract, {
  ...bars,
  operations: {
    mapBar: bars.operation({
      summary: "The exporter maps pages of its BAR for an importer's device with dma_map_phys.",
      fields: {
        exporter: refer("exporter"),
        importer: refer("importer"),
        first: integer(0, 8),
        pages: integer(1, 4),
        bar: createOwn("bars"),
      },
      weight: 20,
      run(actor, { exporter: by, importer, first, pages, bar }) {
        const exporter = actor.exporter(by);
        if (exporter === null) return EOPNOTSUPP;
        const map = exporter.mapBar(actor.device(by), actor.device(importer), first, pages);
        if (typeof map === "number") return map;
        actor.keep(bar, map);
        return 0;
      },
      print: (of) => `map ${of.pages} pages of the BAR of ${of.exporter} for ${of.importer} as ${of.bar}`,
    }),
    unmapBar: bars.operation({
      summary: "Takes the map back.",
      fields: { bar: referOwn("bars"), exporter: refer("exporter") },
      enabled: (own, of) => own.bars.get(of.bar)?.exporter === of.exporter,
      exclusive: (of) => [of.bar],
      run: (actor, of) => actor.exporter(of.exporter)?.unmapBar(actor.kept(of.bar, BarMap)),
      print: (of) => `unmap ${of.bar}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret mapBar"({ errno, bar, exporter }, own) {
        if (errno === 0) own.bars.set(bar, { exporter });
      },
      "call unmapBar"({ bar }, own) {
        own.bars.delete(bar);
      },
    }),
  giveBack: (own) => [...own.bars].map(([bar, { exporter }]) => ({ op: "unmapBar", args: { bar, exporter } })),
  near: { export: 0.5, setMask: 0.3, mapType: 0.2 },
  sources,
  rules: ({ must, on }) => [
    must({
      id: "MMIO-01",
      obliged: ["exporter"],
      statement: "A translation that leads to a BAR has the attributes of a device and is never cached.",
      intent: "An interconnect may merge writes to what it takes for memory, beyond what the port can carry.",
      hints: ["Is DMA_ATTR_MMIO passed, and does it reach iommu_map as IOMMU_MMIO?"],
      situation: { platform },
      monitor: on({
        translate(event, state, verdict) {
          const memory = state.resources.get(event.storage);
          if (!event.on || !isBar(state, memory) || event.protection === undefined) return;
          verdict.exercised();
          if (event.protection !== "device")
            verdict.violated(`${event.device} reaches registers at ${event.storage} as ${event.protection} memory`);
        },
      }),
    }),
    must({
      id: "MMIO-02",
      obliged: ["exporter", "framework"],
      statement: "Where bouncing is forced, the map of a BAR fails.",
      intent: "A bounce slot is a copy: what the device writes there never gets to the registers.",
      hints: ["Does the direct path look at swiotlb=force before it looks for a slot?"],
      situation: { platform },
      monitor: on({
        dma(event, state, verdict) {
          const memory = event.storage === null ? undefined : state.resources.get(event.storage);
          const device = state.platform.devices[event.device];
          if (event.op !== "map" || !isBar(state, memory) || device?.iommu !== "identity" || !device.bounce) return;
          verdict.exercised();
          if (event.errno === 0)
            verdict.violated(`${event.device} has to bounce, and is given ${event.storage ?? "a BAR"} all the same`);
        },
      }),
    }),
    must({
      id: "MMIO-03",
      obliged: ["exporter"],
      statement: "A device gets no map of a BAR whose device is in another confidential state.",
      intent: "The access cannot work, and may put the exporting device into an error state for good.",
      hints: ["Are the states of both devices compared before anything is mapped?"],
      situation: { platform },
      monitor: on({
        dma(event, state, verdict) {
          const memory = event.storage === null ? undefined : state.resources.get(event.storage);
          const owner = memory?.owner ?? "";
          const own = state.platform.devices[owner];
          const client = state.platform.devices[event.device];
          if (event.op !== "map" || !isBar(state, memory) || own === undefined || client === undefined) return;
          if (own.cc === "none" && client.cc === "none") return;
          verdict.exercised();
          if (event.errno === 0 && own.cc !== client.cc)
            verdict.violated(`${event.device} (${client.cc}) is given memory of ${owner} (${own.cc})`);
        },
      }),
    }),
  ],
});

const about = "dma_map_phys of a BAR by the exporter for the importer's device";
const murphy = (said: string) => [{ seed: "001_80707ca2f87464e4.txt", who: "Robin Murphy", said }];

const proposals: readonly Proposal[] = [
  {
    name: "mmio-phys",
    about: `${about}, with the attribute for MMIO, refused where it has to bounce and between confidential states.`,
    contract,
    thread: [
      {
        seed: "001_80707ca2f87464e4.txt",
        who: "Jason Gunthorpe",
        said: "The call fails where it is not supported, as with swiotlb=force, and is no full no-op.",
      },
    ],
    expectations: [],
  },
  {
    name: "mmio-phys-cacheable",
    about: `${about}, with the attributes of memory.`,
    contract,
    faults: ["cacheable"],
    thread: murphy("Mapping MMIO with regular memory attributes is not guaranteed not to end badly."),
    expectations: [
      { rule: "MMIO-01", verdict: "violated", source: "IOMMU_CACHE instead of IOMMU_MMIO." },
      { rule: "MMIO-02", verdict: "violated", source: "What is no MMIO is bounced." },
      ...["DMAMAP-07", "DMAMAP-09", "DMAMAP-10"].map((rule) => ({
        rule,
        verdict: "violated" as const,
        source: "The core's own rules on MMIO, which this breaks too.",
      })),
    ],
  },
  {
    name: "mmio-phys-mixed",
    about: `${about}, whatever the confidential states of the two.`,
    contract,
    faults: ["noStateCheck"],
    thread: murphy("A shared device that imports the BAR of a private one simply cannot be allowed to attach."),
    expectations: [{ rule: "MMIO-03", verdict: "violated", source: "Nobody compares the two." }],
  },
];

export default proposals;
