import { EINVAL } from "../../../spec/errno.ts";
import type { IovaSpace } from "../../../spec/roles/dma.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Device, PhysRange } from "../../../spec/roles/handles.ts";
import { PhysVecHelper, type PhysVecTable } from "../../../reference-impl/dma/phys-vec.ts";
import type { Mutant } from "../mutant.ts";
import { patched } from "../pin/worlds.ts";
import { faultyHelper } from "./kit.ts";

/** The helper with another idea of how peers reach each other. */
function misjudging(
  judge: (env: Env, provider: Device, client: Device) => ReturnType<Env["mapType"]>,
): typeof PhysVecHelper {
  return class extends PhysVecHelper {
    constructor(env: Env) {
      super(patched(env, { mapType: (provider: Device, client: Device) => judge(env, provider, client) }));
    }
  };
}

/** Faults of the helper for ranges. */
export const mutants: readonly Mutant[] = [
  faultyHelper(
    "P2P-03",
    "the bus offset is taken off",
    (reached) =>
      class extends PhysVecHelper {
        protected override fillOne(table: PhysVecTable, provider: Device, range: PhysRange) {
          if (!table.bus) return super.fillOne(table, provider, range);
          const { busOffset } = provider.traits;
          if (busOffset !== 0) reached();
          const address = range.storage.physical + range.offset - busOffset;
          this.fillEntry(table, { address, length: range.length, peer: "bus" });
          return 0;
        }
      },
    { from: ["M-DM1", "B-154"], also: ["ATT-22", "MAP-11", "P2P-16"] },
  ),
  faultyHelper(
    "P2P-04",
    "registers are mapped like memory",
    (reached) =>
      class extends PhysVecHelper {
        protected override attributes() {
          reached();
          return [];
        }
      },
    { also: ["DMAMAP-09", "DMAMAP-07"] },
  ),
  faultyHelper(
    "P2P-21",
    "where there is an IOMMU there are IOVAs",
    (reached) =>
      misjudging((env, provider, client) => {
        const type = env.mapType(provider, client);
        if (type !== "bus" || client.traits.iommu !== "translated") return type;
        reached();
        return "host";
      }),
    { also: ["P2P-03", "MAP-33", "P2P-39"] },
  ),
  faultyHelper(
    "P2P-22",
    "peers need no IOMMU, wherever they are",
    (reached) =>
      misjudging((env, provider, client) => {
        const type = env.mapType(provider, client);
        if (type !== "host") return type;
        reached();
        return "bus";
      }),
    { also: ["ATT-22", "MAP-11", "MAP-33", "P2P-04", "P2P-16"] },
  ),
  faultyHelper(
    "P2P-27",
    "space stays reserved when the first link fails",
    (reached) =>
      class extends PhysVecHelper {
        protected override undo(table: PhysVecTable) {
          if (table.space === null || table.linked > 0) {
            super.undo(table);
            return;
          }
          reached();
        }
      },
    { also: ["DMAMAP-19"] },
  ),
  faultyHelper(
    "DMAMAP-19",
    "addresses are handed out without a sync",
    (reached) =>
      class extends PhysVecHelper {
        protected override fill(table: PhysVecTable, provider: Device, ranges: readonly PhysRange[]) {
          const { space } = table;
          if (space === null) return super.fill(table, provider, ranges);
          for (const range of ranges) {
            const errno = this.fillOne(table, provider, range);
            if (errno !== 0) return errno;
          }
          reached();
          this.fillEntry(table, { address: space.address, length: table.linked, peer: "host" });
          return 0;
        }
      },
  ),
  faultyHelper(
    "DMAMAP-29",
    "every range is linked at the start of the space",
    (reached) =>
      class extends PhysVecHelper {
        protected override link(table: PhysVecTable, space: IovaSpace, range: PhysRange) {
          if (table.linked > 0) reached();
          return this.env.iovaLink(space, range, 0, table.direction, this.attributes());
        }
      },
  ),
  faultyHelper(
    "DMAMAP-30",
    "without space there is no map",
    (reached) =>
      class extends PhysVecHelper {
        protected override fillOne(table: PhysVecTable, provider: Device, range: PhysRange) {
          if (table.bus || table.space !== null) return super.fillOne(table, provider, range);
          reached();
          return EINVAL;
        }
      },
  ),
];
