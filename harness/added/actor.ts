import type { Env } from "../../spec/roles/env.ts";
import type { Framework } from "../../spec/roles/framework.ts";
import type { Attachment, Device, DmaBuf, Fence } from "../../spec/roles/handles.ts";
import type { AddressSpace, Vma } from "../../spec/roles/spaces.ts";
import { HarnessFault } from "../fault.ts";
import type { RunContext } from "../run-context.ts";

/** A class, as `kept` wants it. */
type Class<T> = abstract new (...args: never[]) => T;

/**
 * What an operation of a contract beside the core acts with: the program's env, the role instances that the contract
 * brings, and the objects that names of the program stand for. `E`, `I` and `P`: its exporter, its importer and its parts of
 * the framework.
 */
export class Actor<E, I, P> {
  private readonly run: RunContext;

  constructor(run: RunContext) {
    this.run = run;
  }

  /** The program's own calls. */
  get env(): Env {
    return this.run.program;
  }

  /** The framework's own methods, not recorded, with the parts that the contract replaces. */
  get framework(): Framework & P {
    return this.run.world.framework as Framework & P;
  }

  /** The contract's own exporter of this name; null where a partner has it. */
  exporter(name: string): E | null {
    return this.isOwn("exporters", name) ? (this.run.exporter(name) as E) : null;
  }

  importer(name: string): I | null {
    return this.isOwn("importers", name) ? ((this.run.importer(name) ?? null) as I | null) : null;
  }

  /** The contract's own exporter that exported the buffer. */
  exporterOf(buffer: string): E | null {
    const name = this.run.world.exporterOf.get(this.buffer(buffer));
    return name === undefined ? null : this.exporter(name);
  }

  /** The device of an exporter, of an importer, or of this name. */
  device(name: string): Device {
    const { exporters, importers } = this.run.setup;
    const entry = [...exporters, ...importers].find((role) => role.name === name);
    const device = this.run.world.devices.get(entry?.device ?? name);
    if (device === undefined) throw new HarnessFault(`there is no device behind "${name}"`);
    return device;
  }

  buffer(name: string): DmaBuf {
    return this.run.buffer(name);
  }

  attachment(name: string): Attachment {
    return this.run.attachment(name);
  }

  fence(name: string): Fence {
    return this.object(name);
  }

  space(name: string): AddressSpace {
    return this.object(name);
  }

  vma(name: string): Vma {
    return this.object(name);
  }

  /** Lets a name of the program stand for an object of the contract's own. */
  keep(name: string, object: object): void {
    this.run.world.names.bind(object, name);
  }

  /** The object that `keep` was given. */
  kept<T>(name: string, kind: Class<T>): T {
    const object = this.run.world.names.object(name);
    if (object instanceof kind) return object;
    throw new HarnessFault(
      `"${name}" stands for no ${kind.name}; keep one under that name when the operation succeeds`,
    );
  }

  /** Ends the oldest work of this role instance that its device has not finished; false where there is none. */
  finishJob(by: string): boolean {
    const { jobs } = this.run.world;
    const job = jobs.pending().find((entry) => entry.by === by);
    if (job !== undefined) jobs.finish(job);
    return job !== undefined;
  }

  private isOwn(table: "exporters" | "importers", name: string): boolean {
    return this.run.setup[table].some((entry) => entry.name === name && entry.kind === "subject");
  }

  private object<T extends object>(name: string): T {
    const object = this.run.world.names.object<T>(name);
    if (object === undefined) throw new HarnessFault(`"${name}" stands for nothing`);
    return object;
  }
}
