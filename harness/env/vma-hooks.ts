import { EOPNOTSUPP, type Errno } from "../../spec/errno.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { Device, DmaBuf, Storage } from "../../spec/roles/handles.ts";
import type { Vma, VmaHooks } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { World } from "../world.ts";
import { runRole } from "./hooks.ts";

/** The hooks of a VMA that shows an exporter's buffer, recorded. */
export class RecordedVmaHooks implements VmaHooks {
  private readonly world: World;
  private readonly to: string;
  private readonly exporter: Exporter;
  private vma = "";

  constructor(world: World, to: string, exporter: Exporter) {
    this.world = world;
    this.to = to;
    this.exporter = exporter;
  }

  *p2pMap(
    buffer: DmaBuf,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
    notified: boolean,
  ): Generator<Suspension, readonly number[] | Errno, unknown> {
    const { world, to, exporter } = this;
    yield* world.at("cb-p2p-map");
    const args = { ...this.range(buffer, device, start, pages), write, notified };
    const cb = world.recorder.emit({ kind: "cb", hook: "p2pMap", to, ...args });
    const injected = world.failure("hook:p2p-map");
    const result =
      injected !== 0
        ? injected
        : exporter.p2pMap === undefined
          ? EOPNOTSUPP
          : yield* runRole(world, "the exporter's p2pMap", () =>
              exporter.p2pMap!(buffer, device, start, pages, write, notified),
            );
    const [errno, addresses] = typeof result === "number" ? [result, []] : [0, result];
    world.recorder.emit({
      kind: "cbret",
      hook: "p2pMap",
      to,
      cb,
      errno,
      injected: injected !== 0,
      ...args,
      addresses,
    });
    return result;
  }

  *p2pUnmap(
    buffer: DmaBuf,
    device: Device,
    start: number,
    pages: number,
    addresses: readonly number[],
  ): Generator<Suspension, void, unknown> {
    const { world, to, exporter } = this;
    const args = { ...this.range(buffer, device, start, pages), addresses };
    const cb = world.recorder.emit({ kind: "cb", hook: "p2pUnmap", to, ...args });
    yield* runRole<void>(world, "the exporter's p2pUnmap", () =>
      exporter.p2pUnmap?.(buffer, device, start, pages, addresses),
    );
    world.recorder.emit({ kind: "cbret", hook: "p2pUnmap", to, cb, errno: 0, injected: false, ...args });
  }

  *opened(vma: Vma): Generator<Suspension, void, unknown> {
    this.vma = this.world.names.of(vma, "vma", this.world.scheduler.current.stepId);
    yield* runRole<void>(this.world, "the exporter's vmaOpened", () => this.exporter.vmaOpened?.(vma.buffer!, vma));
  }

  *closed(vma: Vma): Generator<Suspension, void, unknown> {
    yield* runRole<void>(this.world, "the exporter's vmaClosed", () => this.exporter.vmaClosed?.(vma.buffer!, vma));
  }

  *fault(vma: Vma, page: number): Generator<Suspension, Storage | Errno, unknown> {
    const { exporter } = this;
    if (exporter.vmaFault === undefined) return EOPNOTSUPP;
    return yield* runRole(this.world, "the exporter's vmaFault", () => exporter.vmaFault!(vma.buffer!, page));
  }

  private range(buffer: DmaBuf, device: Device, start: number, pages: number) {
    const { names } = this.world;
    return { buffer: names.of(buffer, "buffer", null), vma: this.vma, device: device.name, start, pages };
  }
}
