import { packed, usageNumber } from "../../adapters/linux/encode-step.ts";
import { firstReservation } from "./line.ts";
import {
  allocateDomain,
  allocateSpace,
  destroy,
  getDmabuf,
  iommuPath,
  mapFile,
  mockDevice,
  register,
  revokeDmabuf,
  unmapRange,
  type Request,
} from "./uapi.ts";
import { addressOf, importers, places, recorderOps, taskOf, type PairStep, type StepOf } from "./steps.ts";

/** Files of the importers, and one for what the exporter is asked. */
const exporterFile = importers.length;
/** Registers: the spaces' objects, those of devices, the buffers' descriptors, the devices' numbers, and domains. */
const spaceRegister = 0;
const deviceRegister = 8;
const descriptorRegister = 16;
const numberRegister = 24;
const domainRegister = 32;
/** The task that only looks. */
export const watcher = 7;
/** No descriptor has this number. */
const noDescriptor = 100_000;
/** No module attaches without it: the first of its devices, peer to peer, and it defers what it is told. */
const recorder = { device: 0, peer2peer: 1, defers: 1 } as const;

/** The next order is of the same task and step, and nobody goes on in between. */
const more = 2;

const reservationOf = (buffer: string) => firstReservation + indexOf(buffer);
const indexOf = (name: string) => Number(name.slice(1)) - 1;

/** What a request leaves behind, by slot; -1 for nothing. */
interface Makes {
  readonly buffer?: number;
  readonly device?: number;
  readonly descriptor?: number;
}

/** A program in the module's words, each line with the place of its step. */
export class PairCompiler {
  private readonly operations: ReadonlyMap<string, number>;
  private readonly lines: string[] = ["l 4294963200"];
  private readonly imports = new Map<string, StepOf<"import">>();
  private readonly attachments = new Map<string, StepOf<"attach">>();
  /** Files of domains. */
  private readonly domains = new Map<string, number>();
  /** Devices in the order they came, with their importer. */
  private readonly plugged = new Map<string, string>();

  constructor(operations: ReadonlyMap<string, number>) {
    this.operations = operations;
  }

  compile(steps: readonly PairStep[]): readonly string[] {
    const path = packed(iommuPath);
    for (const file of [...importers.keys(), exporterFile]) this.order(-1, 0, "file:open", [file, ...path]);
    for (const file of importers.keys()) this.request(-1, file, true, allocateSpace(spaceRegister + file));
    steps.forEach((step, index) => {
      this.step(step, index);
      for (const importer of importers) this.look(importer, index);
    });
    this.lines.push("T", "D");
    return this.lines;
  }

  private step(step: PairStep, index: number): void {
    const plain = (op: string, args: readonly number[]) => this.order(index, taskOf(step) === "t1" ? 0 : 1, op, args);
    switch (step.op) {
      case "export": {
        const buffer = indexOf(step.buffer);
        const makes = { buffer, descriptor: descriptorRegister + buffer };
        return this.request(index, exporterFile, false, getDmabuf(step.pages * 4096), makes);
      }
      case "close":
        return plain("number:close", [indexOf(step.buffer)]);
      case "put":
        return plain("put", [indexOf(step.buffer)]);
      case "attach": {
        this.attachments.set(step.attachment, step);
        const ops = recorderOps.indexOf(step.ops);
        const { device, peer2peer, defers } = recorder;
        return plain("attach", [indexOf(step.buffer), indexOf(step.attachment), device, ops, peer2peer, defers]);
      }
      case "detach":
        return plain("detach", [indexOf(step.attachment), indexOf(this.attachments.get(step.attachment)!.buffer)]);
      case "map":
        return plain("mapUnlocked", [indexOf(step.attachment), 0, index]);
      case "import": {
        this.imports.set(step.import, step);
        const fd = step.closed ? noDescriptor : register(descriptorRegister + indexOf(step.buffer));
        const { importer, start, length, place } = step;
        const space = register(spaceRegister + indexOf(importer));
        return this.request(index, indexOf(importer), false, mapFile(space, fd, start, length, addressOf(place)));
      }
      case "release": {
        const { importer, length, place } = this.imports.get(step.import)!;
        const space = register(spaceRegister + indexOf(importer));
        // An import of nothing is given back as a page.
        return this.request(index, indexOf(importer), false, unmapRange(space, addressOf(place), length || 4096));
      }
      case "plug": {
        const [file, device] = [indexOf(step.importer), indexOf(step.device)];
        this.plugged.set(step.device, step.importer);
        const request = mockDevice(register(spaceRegister + file), deviceRegister + device, numberRegister + device);
        this.request(index, file, false, request, { device });
        // A device comes and goes by waiting.
        return this.pause();
      }
      case "unplug": {
        const [file, device] = [indexOf(this.plugged.get(step.device)!), indexOf(step.device)];
        this.plugged.delete(step.device);
        this.order(index, watcher, "unit:forget", [device]);
        this.request(index, file, false, destroy(register(deviceRegister + device)));
        return this.pause();
      }
      case "domain": {
        const importer = this.plugged.get(step.device)!;
        const [file, kept] = [indexOf(importer), domainRegister + indexOf(step.domain)];
        this.domains.set(step.domain, file);
        const number = register(numberRegister + indexOf(step.device));
        this.request(index, file, false, allocateDomain(number, register(spaceRegister + file), kept));
        return this.pause();
      }
      case "undomain": {
        const request = destroy(register(domainRegister + indexOf(step.domain)));
        this.request(index, this.domains.get(step.domain)!, false, request);
        return this.pause();
      }
      case "quit":
        for (const [device, importer] of this.plugged)
          if (importer === step.importer) {
            this.plugged.delete(device);
            this.order(index, watcher, "unit:forget", [indexOf(device)]);
          }
        plain("file:close", [indexOf(step.importer)]);
        return this.pause();
      case "revoke":
      case "unrevoke": {
        const fd = register(descriptorRegister + indexOf(step.buffer));
        return this.request(index, exporterFile, false, revokeDmabuf(fd, step.op === "revoke"));
      }
      case "work": {
        const [fence, resv] = [indexOf(step.fence), reservationOf(step.buffer)];
        this.order(index, 1, "lock", [resv, -1], more);
        // Each fence has a timeline of its own.
        this.order(index, 1, "fenceInit", [fence, 1 + fence, 1, 0, 0, 0], more);
        this.order(index, 1, "reserveFences", [resv, 1], more);
        this.order(index, 1, "addFence", [resv, fence, usageNumber("bookkeep")], more);
        return this.order(index, 1, "unlock", [resv]);
      }
      case "finish":
        this.order(index, 1, "signal", [indexOf(step.fence)], more);
        return this.order(index, 1, "fencePut", [indexOf(step.fence)]);
      case "lock":
        return plain("lock", [reservationOf(step.buffer), -1]);
      case "unlock":
        return plain("unlock", [reservationOf(step.buffer)]);
    }
  }

  /** Where every place of the importer's space leads, as its first device has it. */
  private look(importer: string, index: number): void {
    const device = [...this.plugged].find(([, owner]) => owner === importer)?.[0];
    if (device === undefined) return;
    const addresses = Array.from({ length: places }, (_, place) => addressOf(place));
    this.order(index, watcher, "unit:probe", [indexOf(device), ...addresses]);
  }

  private request(index: number, file: number, quiet: boolean, request: Request, makes: Makes = {}): void {
    const { command, words, keeps } = request;
    const { buffer = -1, device = -1, descriptor = -1 } = makes;
    const head = [file, quiet ? 1 : 0, command, buffer, device, descriptor, words.length];
    this.order(index, 0, "file:request", [...head, ...words, ...keeps.flat()]);
  }

  private order(index: number, task: number, op: string, args: readonly number[], flags = 0): void {
    const number = this.operations.get(op);
    if (number === undefined) throw new RangeError(`this module has no ${op}`);
    this.lines.push(`o ${index} ${task} ${flags} ${number} ${args.join(" ")}`);
  }

  private pause(): void {
    this.lines.push("T");
  }
}

/** The lines of one program. Throws a RangeError for a module of a kernel without the pair. */
export function compilePair(steps: readonly PairStep[], operations: ReadonlyMap<string, number>): readonly string[] {
  return new PairCompiler(operations).compile(steps);
}
