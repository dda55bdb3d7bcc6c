import type { platformOperations } from "../../spec/operations/platform.ts";
import type { DmaAttributes, SgList } from "../../spec/roles/dma.ts";
import { pageSize, type Device, type Direction, type Segment, type Storage } from "../../spec/roles/handles.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";

/** What the program mapped by itself. */
export interface OwnMapping {
  readonly device: Device;
  readonly storage: Storage;
  /** A scatterlist, or one piece. */
  readonly made: SgList | Segment;
  readonly direction: Direction;
  readonly attributes: DmaAttributes;
}

function deviceNamed(run: RunContext, name: string): Device {
  return run.world.devices.get(name)!;
}

/** Ends a mapping of the program's, and frees its memory. */
export function unmapOwn(run: RunContext, name: string): void {
  const own = run.ownMappings.get(name);
  if (own === undefined) return;
  run.ownMappings.delete(name);
  const { device, storage, made, direction, attributes } = own;
  if ("ranges" in made) run.program.dmaUnmapSg(device, made, made.ranges.length, direction, attributes);
  else run.program.dmaUnmapPhys(device, made, direction, attributes);
  giveBack(run, storage);
}

/** Memory that stays shared with the host is not for others. */
function giveBack(run: RunContext, storage: Storage): void {
  if (run.ownShared.delete(storage) && run.program.setPrivate(storage) !== 0) return;
  run.program.freeStorage(storage);
}

/** Peer-to-peer memory and the DMA API. */
export const platformSteps: StepHandlers<keyof typeof platformOperations> = {
  *providerInit(run, step) {
    yield* run.world.at("platform");
    run.program.providerInit(deviceNamed(run, step.device));
  },
  *providerGone(run, step) {
    yield* run.world.at("platform");
    run.program.providerGone(deviceNamed(run, step.device));
  },
  *providerFor(run, step) {
    yield* run.world.at("platform");
    run.program.providerFor(deviceNamed(run, step.device));
  },
  *mapType(run, step) {
    yield* run.world.at("platform");
    run.program.mapType(deviceNamed(run, step.provider), deviceNamed(run, step.client));
  },
  *distance(run, step) {
    yield* run.world.at("platform");
    run.program.distance(
      deviceNamed(run, step.provider),
      step.clients.map((name) => deviceNamed(run, name)),
    );
  },
  *pageLookup(run, step) {
    yield* run.world.at("platform");
    const memory = run.world.memory.allocate(
      "program",
      pageSize,
      step.owner === null ? "system" : "device",
      step.owner,
    );
    if (typeof memory === "number") return;
    run.program.pageLookup(memory, step.optIn, step.longTerm);
    run.program.freeStorage(memory);
  },
  // Without a preemption point: whether it may be done depends on who works with the device.
  // oxlint-disable-next-line require-yield
  *dmaMap(run, step) {
    const { world, program } = run;
    const device = deviceNamed(run, step.device);
    const { first, pages, pieces, direction, attributes, owner } = step;
    const placement = owner === null ? "system" : "device";
    const storage = world.memory.allocate("program", (first + pages * pieces) * pageSize, placement, owner);
    if (typeof storage === "number") return;
    if (attributes.includes("ccShared") && owner === null) {
      if (program.setShared(storage) !== 0) {
        program.freeStorage(storage);
        return;
      }
      run.ownShared.add(storage);
    }
    world.names.want(step.id, "dmaEntry", step.entry);
    const ranges = Array.from({ length: pieces }, (_, index) => ({
      storage,
      offset: (first + index * pages) * pageSize,
      length: pages * pageSize,
    }));
    const made =
      pieces === 1
        ? program.dmaMapPhys(device, ranges[0]!, direction, attributes)
        : program.dmaMapSg(device, ranges, direction, attributes);
    if (typeof made === "number") giveBack(run, storage);
    else run.ownMappings.set(step.entry, { device, storage, made, direction, attributes });
  },
  // oxlint-disable-next-line require-yield
  *dmaUnmap(run, step) {
    unmapOwn(run, step.entry);
  },
  // oxlint-disable-next-line require-yield
  *dmaSync(run, step) {
    const own = run.ownMappings.get(step.entry);
    if (own === undefined || "ranges" in own.made) return;
    if (step.owner === "device") run.program.dmaSyncForDevice(own.device, own.made, own.direction);
    else run.program.dmaSyncForCpu(own.device, own.made, own.direction);
  },
  // oxlint-disable-next-line require-yield
  *setMask(run, step) {
    const device = deviceNamed(run, step.device);
    if (step.coherent) run.program.dmaSetCoherentMask(device, step.bits);
    else run.program.dmaSetMask(device, step.bits);
  },
};
