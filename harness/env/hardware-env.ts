import type { Errno } from "../../spec/errno.ts";
import type { TouchEvent } from "../../spec/platform-event.ts";
import { treeOf, type PlatformSetup } from "../../spec/platform.ts";
import type { Protection } from "../../spec/roles/dma.ts";
import type { Device, PhysRange, Storage } from "../../spec/roles/handles.ts";
import { Memory } from "../machine/memory.ts";
import { KernelEnv } from "./kernel-env.ts";

/** Page tables, caches, bounce slots and the sharing of a confidential guest's memory: the hardware half of `Env`. */
export class HardwareEnv extends KernelEnv {
  pciTree(): PlatformSetup {
    return treeOf(this.world.setup);
  }

  deviceNamed(name: string): Device {
    const device = this.world.devices.get(name);
    if (device === undefined) throw new Error(`there is no device "${name}"`);
    return device;
  }

  iommuMap(device: Device, address: number, range: PhysRange, protection: Protection): Errno {
    return this.world.translations.insert(device, address, range, protection);
  }

  iommuUnmap(device: Device, address: number, length: number): void {
    this.world.translations.remove(device, address, length);
  }

  iommuLookup(device: Device, address: number): PhysRange | undefined {
    const found = this.world.translations.lookup(device, address);
    if (found === undefined) return undefined;
    const into = address - found.address;
    return { storage: found.storage, offset: found.offset + into, length: found.length - into };
  }

  iommuFlush(device: Device): void {
    this.world.translations.flush(device);
    this.touch("flush", device, null);
  }

  syncCaches(device: Device, range: PhysRange, owner: "device" | "cpu"): void {
    const { caches } = this.world;
    if (owner === "device") caches.syncForDevice(device, range.storage, range.offset, range.length);
    else caches.syncForCpu(device, range.storage, range.offset, range.length);
    this.touch(owner === "device" ? "cachesForDevice" : "cachesForCpu", device, range);
  }

  memoryAt(physical: number, length: number): PhysRange | undefined {
    return this.world.memory.at(physical, length);
  }

  takeSlot(_device: Device, length: number): Storage | Errno {
    return this.world.memory.allocateSlot(this.by, length);
  }

  giveSlot(slot: Storage): void {
    this.world.memory.free(this.by, slot, "bounce slot");
  }

  copySlot(device: Device, _slot: Storage, range: PhysRange, owner: "device" | "cpu"): void {
    this.touch(owner === "device" ? "copyToSlot" : "copyFromSlot", device, range);
  }

  lookUpPage(device: Device, range: PhysRange): void {
    this.touch("page", device, range);
  }

  setDeviceMask(device: Device, which: "streaming" | "coherent", mask: number): void {
    this.world.setMask(device, which, mask);
  }

  setShared(storage: Storage): Errno {
    return this.share(storage, "share", this.world.failure("set-shared"));
  }

  setPrivate(storage: Storage): Errno {
    return this.share(storage, "unshare", this.world.failure("set-private"));
  }

  private share(storage: Storage, what: "share" | "unshare", errno: Errno): Errno {
    if (errno === 0 && storage instanceof Memory) storage.shared = what === "share";
    this.touch(what, null, { storage, offset: 0, length: storage.size }, errno);
    return errno;
  }

  protected touch(what: TouchEvent["what"], device: Device | null, range: PhysRange | null, errno: Errno = 0): void {
    if (!this.world.described && what !== "share" && what !== "unshare") return;
    this.world.recorder.emit({
      kind: "touch",
      what,
      device: device?.name ?? null,
      storage: range?.storage.id ?? null,
      offset: range?.offset ?? 0,
      length: range?.length ?? 0,
      errno,
    });
  }
}
